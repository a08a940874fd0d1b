"""Dijet events of the LHC Olympics kind: trigger, features, and a signal hidden among them.

What a data-driven method may read (the dijet events) and what only an evaluation may read (which
of them are signal) go into two files.

Reference: arXiv 2101.08320, section 3 (the R&D data set).
"""

from __future__ import annotations

from typing import Any

import hist
import numpy as np
from numpy.typing import NDArray

from jetchain.anomaly.settings import FeatureSettings
from jetchain.core.errors import DataError, EmptySampleError, no_event
from jetchain.core.histograms import save_histograms, weighted
from jetchain.core.io.events import read_events
from jetchain.core.io.tables import read_json, write_result
from jetchain.core.io.tensors import write_tensors
from jetchain.core.kinematics import cartesian, invariant_mass
from jetchain.core.luminosity import share_of
from jetchain.core.schema.anomaly import (
    ANOMALY_FEATURES,
    DIJET_TRUTH,
    DIJETS,
    DijetCutflow,
    SelectionCounts,
)
from jetchain.core.schema.jets import jet_collection, jets_table
from jetchain.core.seeds import generator
from jetchain.core.verbs import Input, Inputs, Output

COLUMNS = ("pt", "eta", "phi", "m", "tau1", "tau2")
TAU_FLOOR = 1e-5
TEV = 1e-3  # TeV per GeV

Array = NDArray[np.float64]


def dijet_features(leading: dict[str, Array], second: dict[str, Array]) -> tuple[Array, Array]:
    """Dijet mass and the four features of two jets.

    Args:
        leading, second: per column of `COLUMNS` an array (events,), GeV and rad.

    Returns:
        The dijet mass (events,) in TeV, and the features (events, 4): mass of the lighter jet and
        mass difference in TeV, tau21 of the lighter and of the heavier jet, with
        tau21 = tau2 / (1e-5 + tau1).
    """
    first, other = (
        np.array(cartesian(jet["pt"], jet["eta"], jet["phi"], jet["m"]))
        for jet in (leading, second)
    )
    m_jj = np.asarray(invariant_mass(*(first + other)) * TEV, dtype=np.float64)
    lead_is_lighter = leading["m"] < second["m"]
    mass = np.stack([leading["m"], second["m"]]) * TEV
    tau21 = np.stack([jet["tau2"] / (TAU_FLOOR + jet["tau1"]) for jet in (leading, second)])
    lighter = np.where(lead_is_lighter, 0, 1)
    rows = np.arange(len(m_jj))
    columns = {
        "m_j1": mass[lighter, rows],
        "delta_m": mass[1 - lighter, rows] - mass[lighter, rows],
        "tau21_j1": tau21[lighter, rows],
        "tau21_j2": tau21[1 - lighter, rows],
    }
    return m_jj, np.stack([columns[name] for name in ANOMALY_FEATURES], axis=1)


def passes(jets: Any, trigger_pt: float) -> NDArray[np.bool_]:
    """Which events have two jets and pass the trigger, as `triggered` takes them; (events,)."""
    import awkward as ak

    leading = np.asarray(ak.fill_none(ak.max(jets.pt, axis=1), 0.0))
    return (np.asarray(ak.num(jets.pt)) >= 2) & (leading > trigger_pt)


def taken(events: int, part: float, random: np.random.Generator) -> NDArray[np.bool_]:
    """Which events of a file are taken, each with probability `part`; (events,)."""
    return random.random(events) < part if part < 1 else np.ones(events, dtype=bool)


def triggered(jets: Any, trigger_pt: float) -> tuple[dict[str, Array], NDArray[np.bool_]]:
    """The two leading jets of the events that pass the trigger.

    Args:
        jets: jagged record (events, var) with the columns of `COLUMNS`.
        trigger_pt: smallest pT of the leading jet, GeV.

    Returns:
        Each column, (triggered, 2), and (triggered,) which of the events have finite features.
    """
    import awkward as ak

    pairs = jets[ak.num(jets.pt) >= 2]
    order = ak.argsort(pairs.pt, ascending=False)
    pairs = pairs[order][:, :2]
    flat = {
        name: np.asarray(ak.to_numpy(ak.flatten(pairs[name])), dtype=np.float64).reshape(-1, 2)
        for name in COLUMNS
    }
    passed = flat["pt"][:, 0] > trigger_pt
    flat = {name: values[passed] for name, values in flat.items()}
    m_jj, features = _features(flat)
    return flat, np.isfinite(m_jj) & np.isfinite(features).all(axis=1)


def select(jets: Any, trigger_pt: float) -> tuple[Array, Array, SelectionCounts]:
    """Apply the trigger and compute the features.

    Args:
        jets: jagged record (events, var) with the columns of `COLUMNS`.
        trigger_pt: smallest pT of the leading jet, GeV.

    Returns:
        Dijet mass (selected,), features (selected, 4), and the cutflow.
    """
    import awkward as ak

    flat, finite = triggered(jets, trigger_pt)
    m_jj, features = _features(flat)
    cutflow = SelectionCounts(
        events=len(jets),
        two_jets=int(ak.sum(ak.num(jets.pt) >= 2)),
        trigger=len(finite),
        selected=int(finite.sum()),
    )
    return m_jj[finite], features[finite], cutflow


def _features(pair: dict[str, Array]) -> tuple[Array, Array]:
    """`dijet_features` of columns (events, 2)."""
    return dijet_features(*({n: v[:, jet] for n, v in pair.items()} for jet in (0, 1)))


def inject(
    background: tuple[Array, Array],
    signal: tuple[Array, Array],
    signal_events: int,
    folds: int,
    random: np.random.Generator,
) -> tuple[dict[str, NDArray], dict[str, NDArray], dict[str, NDArray]]:
    """Hide signal events among the background, shuffle, and assign folds.

    Args:
        background, signal: dijet mass (events,) and features (events, 4) of each.
        signal_events: how many to inject.
        folds: number of folds; they are of equal size up to one event.
        random: draws which signal events are injected, and the order.

    Returns:
        The data and the truth of its events, and the signal events that were not injected.

    Raises:
        EmptySampleError: no background event, or not more signal events than are to be injected.
    """
    for name, (masses, _), needed in (
        ("background", background, 1),
        ("signal", signal, signal_events + 1),
    ):
        if len(masses) < needed:
            raise EmptySampleError(
                f"{len(masses)} {name} events pass the trigger; at least {needed} are needed.",
                f"Generate more {name} events, or lower anomaly.features.trigger_pt or "
                "anomaly.features.signal_events.",
            )
    chosen = random.permutation(len(signal[0]))
    injected, kept = chosen[:signal_events], np.sort(chosen[signal_events:])
    m_jj = np.concatenate([background[0], signal[0][injected]])
    features = np.concatenate([background[1], signal[1][injected]])
    is_signal = np.concatenate([np.zeros(len(background[0])), np.ones(signal_events)])
    order = random.permutation(len(m_jj))
    event_id = np.arange(len(order))
    data = {
        "event_id": event_id,
        "m_jj": m_jj[order],
        "features": features[order],
        "fold": event_id % folds,
    }
    truth = {"event_id": event_id, "is_signal": is_signal[order].astype(np.int64)}
    signal_test = {
        "event_id": len(order) + np.arange(len(kept)),
        "m_jj": signal[0][kept],
        "features": signal[1][kept],
        "fold": np.arange(len(kept)) % folds,
    }
    return data, truth, signal_test


def features(
    *,
    background: Inputs,
    signal: Inputs,
    data: Output,
    truth: Output,
    signal_test: Output,
    cutflow: Output,
    histograms: Output,
    settings: FeatureSettings,
    seed: int,
    accounts: Inputs = (),  # type: ignore[assignment]
    luminosity: float = 0.0,
    cross_section: float = 0.0,
) -> None:
    """Make the data of the search from the jets of background and signal.

    Args:
        background, signal: the jets of their samples.
        data: written, what the search sees.
        truth: written, which of its events are signal.
        signal_test: written, the signal events that were not injected.
        cutflow: written, events after each cut.
        histograms: written, dijet mass and features of all selected events of each sample.
        settings: the cuts and the injection.
        seed: chooses the injected events, and the order.
        accounts: of the background's shards; needed with a luminosity.
        luminosity, cross_section: that the background states, in 1/fb and fb; 0 for none. Each
            event is taken with the same probability, so that the data are of that luminosity.

    Raises:
        EmptySampleError: one of them holds no event, or too few pass the trigger.
        DataError: events of a file have different weights, or all together are worth less than
            the luminosity.
    """
    selected = {}
    counts = {}
    for name, paths in (("background", background), ("signal", signal)):
        part = 1.0
        if luminosity and name == "background":
            part = share_of(luminosity, [read_json(path) for path in accounts], cross_section)
        random = generator(seed, "luminosity")
        parts = [_read(path, settings, part, random) for path in paths]
        selected[name] = (
            np.concatenate([masses for masses, _, _ in parts]),
            np.concatenate([values for _, values, _ in parts]),
        )
        counts[name] = SelectionCounts(
            **{
                step: sum(getattr(count, step) for _, _, count in parts)
                for step in SelectionCounts.model_fields
            }
        )
        if not counts[name].events:
            raise no_event(paths)
    tables = inject(
        selected["background"],
        selected["signal"],
        settings.signal_events,
        settings.folds,
        generator(seed, "inject"),
    )
    write_tensors(data, DIJETS, tables[0])
    write_tensors(truth, DIJET_TRUTH, tables[1])
    write_tensors(signal_test, DIJETS, tables[2])
    write_result(
        cutflow,
        DijetCutflow(
            **counts,
            injected_events=settings.signal_events,
            data=len(tables[0]["m_jj"]),
            signal_test=len(tables[2]["m_jj"]),
        ),
    )
    save_histograms(
        histograms,
        {
            f"{name}/{feature}": histogram
            for name, tables in selected.items()
            for feature, histogram in distributions(*tables).items()
        },
    )


def distributions(m_jj: Array, features: Array) -> dict[str, hist.Hist]:
    """Histograms of the dijet mass (events,) and of the features (events, 4)."""
    columns = dict(zip(ANOMALY_FEATURES, features.T, strict=True))
    tev, unit = np.linspace(0, 1.0, 41), np.linspace(0, 1.2, 49)
    return {
        name: weighted(name, values, edges, label=text)
        for name, values, edges, text in (
            ("m_jj", m_jj, np.linspace(1.5, 7.5, 61), "dijet mass [TeV]"),
            ("m_j1", columns["m_j1"], tev, "mass of the lighter jet [TeV]"),
            ("delta_m", columns["delta_m"], tev, "mass difference of the jets [TeV]"),
            ("tau21_j1", columns["tau21_j1"], unit, r"$\tau_{21}$ of the lighter jet"),
            ("tau21_j2", columns["tau21_j2"], unit, r"$\tau_{21}$ of the heavier jet"),
        )
    }


def _read(
    path: Input, settings: FeatureSettings, part: float, random: np.random.Generator
) -> tuple[Array, Array, SelectionCounts]:
    """What is selected of a file; of less than all, each event is taken with probability `part`."""
    collection = jet_collection(settings.radius)
    events = read_events(path, jets_table((settings.radius,)), {collection: list(COLUMNS)})
    weight = np.asarray(events["event"]["weight"])
    if np.any(weight != weight[:1]):
        other = int(np.argmax(weight != weight[0]))
        raise DataError(
            f"{path}: event {events['event']['number'][other]} has the weight {weight[other]:g}, "
            f"others have {weight[0]:g}. The search counts events, as in data.",
            "Take a sample without PhaseSpace:bias2Selection in its card, or of unweighted events.",
        )
    jets = events[collection]
    return select(jets[taken(len(jets), part, random)], settings.trigger_pt)
