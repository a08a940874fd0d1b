"""Searches, workspaces, scans, taggers and geometries that other sections name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, get_args

from jetchain.anomaly.methods import METHODS
from jetchain.core.schema.background import NO_CUT
from jetchain.core.settings import did_you_mean
from jetchain.detector.settings import GEOMETRIES
from jetchain.firmware.settings import TriggerSettings
from jetchain.jets.settings import ClusteringSettings
from jetchain.tagging.models import MODELS

if TYPE_CHECKING:
    from jetchain.plumbing.configuration import Configuration


def applications_known(config: Configuration) -> Iterator[str]:
    """A tagger, a scan with replicas without signal, and names that no search has."""
    applied, place = config.inference.applications, "inference.applications"
    if applied.charm.tagger not in MODELS:
        near = did_you_mean(applied.charm.tagger, MODELS)
        yield f"{place}.charm.tagger: no tagger '{applied.charm.tagger}'. {near}"
    for name in sorted({*applied.operators} & {*METHODS, *NO_CUT, *config.inference.workspaces}):
        yield f"{place}.operators.{name}: a search or workspace has this name already."
    asked = applied.gain.scan
    if asked is None:
        return
    scan = config.anomaly.scans.get(asked)
    if scan is None:
        yield f"{place}.gain.scan: no scan '{asked}'. {did_you_mean(asked, config.anomaly.scans)}"
    elif 0.0 not in scan.strengths or (
        scan.windows and list(config.anomaly.signal_region) not in map(list, scan.windows)
    ):
        yield (
            f"{place}.gain.scan: '{asked}' has no replicas without injected signal in "
            "anomaly.signal_region: name a scan whose strengths hold 0."
        )


def workspaces_are_no_searches(config: Configuration) -> Iterator[str]:
    for name in sorted({*config.inference.workspaces} & {*METHODS, *NO_CUT}):
        yield f"inference.workspaces.{name}: a search has this name already."
    for name, grid in config.inference.grids.items():
        known, place = [*NO_CUT, *config.anomaly.searches], f"inference.grids.{name}.search"
        if grid.search is not None and grid.search not in known:
            yield f"{place}: no search '{grid.search}'. {did_you_mean(grid.search, known)}"
        elif grid.search is not None and not config.anomaly.grid.samples:
            yield f"{place}: there are no signals: name them in anomaly.grid.samples."


def windows_have_sidebands(config: Configuration) -> Iterator[str]:
    low, high = config.background.sideband.spectrum.mass_range
    for name, scan in config.anomaly.scans.items():
        for window in scan.windows:
            if not low < window[0] < window[1] < high:
                yield (
                    f"anomaly.scans.{name}.windows: {window} TeV must lie inside "
                    f"background.sideband.spectrum.mass_range, [{low:g}, {high:g}] TeV: the fit "
                    "needs a sideband on either side."
                )


def hunted_are_cut_on(config: Configuration) -> Iterator[str]:
    """A bump is hunted in the spectrum after the cut of a method, or without one."""
    searched = config.anomaly.searches
    allowed = [*NO_CUT, *(n for n in searched if METHODS[n].background == "sideband")]
    path = "background.bump_hunt.methods"
    for name in config.background.bump_hunt.methods:
        if name not in allowed:
            yield f"{path}: there is no cut of '{name}'; there are those of {', '.join(allowed)}."
    for name in sorted({n for n in allowed if config.background.bump_hunt.methods.count(n) > 1}):
        yield f"{path}: '{name}' is named twice."


def firmware_asks_of_others(config: Configuration) -> Iterator[str]:
    """A teacher is a tagger; a trigger tells classes that its design knows, before searches that
    need the data alone.
    """
    teacher = config.firmware.distillation.teacher
    if teacher not in MODELS:
        near = did_you_mean(teacher, MODELS)
        yield f"firmware.distillation.teacher: no tagger '{teacher}'. {near}"
    possible = [n for n, m in METHODS.items() if m.background == "sideband" and not m.template]
    for name in config.firmware.trigger.methods:
        if name not in possible:
            yield (
                f"firmware.trigger.methods: '{name}' is no search that a trigger can stand before; "
                f"there are {', '.join(possible)}."
            )
    background, classes = config.firmware.trigger.background, config.firmware.dataset.classes
    if background == TriggerSettings().background:
        return  # narrower classes need no trigger; one that is asked for refuses them itself
    for name in background:
        if name not in classes:
            yield (
                f"firmware.trigger.background: '{name}' is no class of firmware.dataset.classes; "
                f"there are {', '.join(classes)}."
            )
    if {*background} >= {*classes}:
        yield (
            "firmware.trigger.background: it holds all of firmware.dataset.classes; one or more "
            "must be left for signal."
        )


def variants_known(config: Configuration) -> Iterator[str]:
    """What is compared between algorithms, or with pile-up, each named once."""
    choice = config.particleflow.choice
    mitigations = get_args(ClusteringSettings.model_fields["pileup"].annotation)
    for place, what, names, known in (
        ("particleflow.choice.taggers", "tagger", choice.taggers, MODELS),
        ("particleflow.choice.searches", "search", choice.searches, METHODS),
        (
            "tagging.pileup.mitigations",
            "mitigation",
            config.tagging.pileup.mitigations,
            mitigations,
        ),
    ):
        for name in names:
            if name not in known:
                yield f"{place}: no {what} '{name}'. {did_you_mean(name, known)}"
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield f"{place}: '{name}' is named twice."


def other_detector_known(config: Configuration) -> Iterator[str]:
    """The detector that a network is transferred to has a geometry."""
    name, known = config.particleflow.transfer.geometry, [p.stem for p in GEOMETRIES.glob("*.yaml")]
    if name not in known:
        near = did_you_mean(name, known)
        yield f"particleflow.transfer.geometry: no geometry '{name}'. {near}"
