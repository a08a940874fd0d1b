"""Settings of the inference room: the statistical model, its fit and the limits."""

from __future__ import annotations

import re
from typing import Any, Self

from pydantic import field_validator, model_validator

from jetchain.core.settings import Settings, did_you_mean, key, require_each_once
from jetchain.core.sources import at_home, require_usable
from jetchain.inference.applications.settings import ApplicationsSettings


class WorkspaceSettings(Settings):
    """The statistical model."""

    luminosity_uncertainty: float = key(
        0.01, "relative uncertainty of the luminosity", gt=0, lt=0.5
    )


class FitSettings(Settings):
    """The maximum-likelihood fit."""

    tolerance: float = key(0.01, "Minuit's tolerance on the estimated distance to minimum", gt=0)
    toys: int = key(
        2000,
        "toys without signal that check the p-value of a spectrum with few events under the peak; "
        "0 for none",
        ge=0,
    )


class LimitSettings(Settings):
    """CLs upper limits."""

    level: float = key(0.05, "1 - confidence level", gt=0, lt=0.5)
    points: int = key(25, "signal strengths in the scan of CLs", ge=3)
    toys: int = key(
        4000,
        "toys a hypothesis and signal strength, beside the asymptotic limit, 0 for none; a "
        "spectrum or ABCD gets a quarter, and only if few events are under the peak or in A",
        ge=0,
    )
    toy_points: int = key(
        8,
        "signal strengths across the expected band at which toys are thrown, beside four around "
        "the observed limit",
        ge=4,
    )


class RegionSettings(Settings):
    """A counting experiment, by the numbers that a table of results states."""

    observed: int = key(..., "events seen", ge=0)
    background: float = key(..., "events expected without signal", gt=0)
    uncertainty: float = key(..., "of the background, absolute", unit="events", ge=0)


class _Files(Settings):
    """Where workspaces come from: files of their own, or of an archive (a pallet)."""

    pallet: str | None = key(
        None,
        "archive (tar or zip) that the files lie in, such as HEPData's; they are then paths in it",
    )
    workspace: str | None = key(
        None, "file of the workspace, relative to the folder that the run is in"
    )
    patchset: str | None = key(None, "file of the patch set that holds the signal, if one does")
    measurement: str | None = key(None, "name of the measurement; the first if not given")

    @model_validator(mode="before")
    @classmethod
    def _homes(cls, given: Any) -> Any:
        """``~`` is the home folder, in names of files outside an archive."""
        if not isinstance(given, dict):
            return given
        outside = ("pallet",) if given.get("pallet") else ("workspace", "patchset")
        changed = {name: at_home(given[name]) for name in outside if given.get(name)}
        if not given.get("pallet"):
            for name in ("points", "cross_sections"):
                if isinstance(given.get(name), dict):
                    changed[name] = {at_home(each): v for each, v in given[name].items()}
        return {**given, **changed}

    @model_validator(mode="after")
    def _present(self) -> Self:
        for name in self.files:
            require_usable(name)
        return self

    @property
    def files(self) -> list[str]:
        """That the workspace is read from."""
        named = [each for each in (self.workspace, self.patchset) if each is not None]
        return named if self.pallet is None else [self.pallet]


class CombinationSettings(Settings):
    """Entries of `inference.workspaces` that are one likelihood of one signal."""

    parts: list[str] = key(..., "names of the entries, whose data do not overlap", min_length=2)
    correlated: list[str] = key(
        [], "parameters that are the same in all parts that have them; others of one name are "
        "parameters of each part"
    )  # fmt: skip

    @field_validator("parts", "correlated")
    @classmethod
    def _once(cls, names: list[str]) -> list[str]:
        return require_each_once(names, names, "part or parameter")


class PublishedSettings(_Files):
    """A workspace of HistFactory, in pyhf's JSON, that others made; or a region's counts; or
    several of these combined."""

    region: RegionSettings | None = key(
        None, "counts of one region, in place of a workspace: the limit is that on its events (S95)"
    )
    combined: CombinationSettings | None = key(
        None, "other entries that are combined, in place of a workspace"
    )
    patch: str | None = key(None, "name of the patch")
    cross_section: float | None = key(
        None,
        "cross-section of the signal where its strength is 1; without it limits are on the "
        "strength alone",
        unit="fb",
        gt=0,
    )

    luminosity: float | None = key(
        None, "of the data, for the limit on the visible cross-section", unit="1/fb", gt=0
    )
    scanned: list[str] = key([], "parameters whose likelihood is scanned, beside that of interest")
    validation: list[str] = key(
        [],
        "channels that the likelihood leaves out: their events and pulls are shown after the fit",
    )

    @model_validator(mode="after")
    def _pair(self) -> Self:
        if (self.patchset is None) != (self.patch is None):
            raise ValueError("patchset and patch go together: give both, or neither")
        given = [self.workspace, self.region, self.combined]
        if sum(each is not None for each in given) != 1:
            raise ValueError("give a workspace, a region or what is combined, one of these")
        if self.workspace is None and (self.files or self.validation or self.measurement):
            what = "a region" if self.combined is None else "a combination"
            raise ValueError(
                f"{what} has no files: leave out pallet, patchset, measurement and validation"
            )
        return self


class GridSettings(_Files):
    """Signals on a grid, such as masses: a workspace with a patch set, or a workspace a point."""

    patches: list[str] = key([], "names of the patches that are taken; all if none is named")
    points: dict[str, list[float]] = key(
        {}, "in place of workspace and patch set: a file of a workspace a point, and its values"
    )
    search: str | None = key(
        None, "in place of workspace and patch set: a search of this run, with the patch set of "
        "the signals of anomaly.grid"
    )  # fmt: skip
    axes: list[str] = key([], "what the values are; the patch set's labels if not given")
    cross_sections: dict[str, float] = key(
        {}, "cross-section of each signal at strength 1, by its patch or file, where limits are to "
        "be in fb", unit="fb",
    )  # fmt: skip

    @field_validator("points")
    @classmethod
    def _in_order(cls, points: dict[str, list[float]]) -> dict[str, list[float]]:
        """By their names, as a job gets its settings: files and points go together by place."""
        return dict(sorted(points.items()))

    @model_validator(mode="after")
    def _either(self) -> Self:
        pair = self.workspace is not None and self.patchset is not None
        if [bool(self.points), pair, self.search is not None].count(True) != 1:
            raise ValueError(
                "give a workspace with its patchset, points, or a search, one of these"
            )
        if self.search is not None and self.files:
            raise ValueError("a search has its own files: leave out pallet, workspace and patchset")
        lengths = {len(values) for values in self.points.values()}
        if len(lengths) > 1 or 0 in lengths:
            raise ValueError("all points need equally many values, one or more")
        if self.points and self.axes and {len(self.axes)} != lengths:
            raise ValueError("axes: one name a value of the points")
        if any(value <= 0 for value in self.cross_sections.values()):
            raise ValueError("cross_sections: all need to be above zero")
        return self

    @property
    def files(self) -> list[str]:
        """That the workspaces are read from."""
        named = [*self.points, *(each for each in (self.workspace, self.patchset) if each)]
        return named if self.pallet is None else [self.pallet]


class LimitBench(Settings):
    """How fast limits are set, beside pyhf's own; for `make bench`."""

    masses: int = key(50, "signal masses that are scanned", ge=1)
    peer_masses: int = key(1, "of these, those that pyhf scans too, which takes minutes each", ge=1)
    nuisances: int = key(30, "nuisance parameters of the model of three channels", ge=9)


class InferenceSettings(Settings):
    """The inference room."""

    workspace: WorkspaceSettings = key(WorkspaceSettings(), "the statistical model")
    fit: FitSettings = key(FitSettings(), "best fit, pulls, discovery significance")
    limits: LimitSettings = key(LimitSettings(), "CLs limits on the signal cross-section")
    workspaces: dict[str, PublishedSettings] = key(
        {}, "workspaces that others made, by a name: each is fitted and limited like a search"
    )
    applications: ApplicationsSettings = key(
        ApplicationsSettings(), "what the target `applications` does with jets and workspaces"
    )

    grids: dict[str, GridSettings] = key(
        {}, "signals of others on grids, by a name: limits along a mass, contours over two values"
    )
    bench: LimitBench = key(LimitBench(), "the speed of limits; only `make bench` reads this")

    @field_validator("workspaces", "grids")
    @classmethod
    def _names(cls, value: dict[str, Any]) -> dict[str, Any]:
        for name in value:
            if not re.fullmatch("[a-z0-9_]+", name):
                raise ValueError(f"the name '{name}' stands in file names: use a-z, 0-9 and _ only")
        return value

    @model_validator(mode="after")
    def _parts(self) -> Self:
        single = [name for name, each in self.workspaces.items() if each.combined is None]
        for name, each in self.workspaces.items():
            if each.combined is None:
                continue
            for part in each.combined.parts:
                if part not in single:
                    raise ValueError(
                        f"workspaces.{name}.combined.parts: '{part}' is no entry with a workspace "
                        f"of its own. {did_you_mean(part, single)}"
                    )
            stated = [self.workspaces[part].cross_section for part in each.combined.parts]
            known = {value for value in [*stated, each.cross_section] if value is not None}
            if len(known) > 1:
                both = " and ".join(map(str, sorted(known)))
                raise ValueError(
                    f"workspaces.{name}.combined: strength 1 is {both} fb in the parts: one "
                    "strength cannot be both. Scale the signal of a part"
                )
        return self
