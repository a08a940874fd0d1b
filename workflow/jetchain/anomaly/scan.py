"""The points of a scan: data with a known injection, and how well scores find it.

All points are made of the events that the search has already: features are computed once, and a
point draws from the background and from the simulated signal of `anomaly.features`. Truth goes into
this room's own draws and judgements; the data that a method gets carry none.

What is drawn anew: which signal events are injected, and how many (Poisson), for every strength and
replica. What is shared: the generated background. A replica takes a share of it, each event with
the same probability; as many replicas as there are shares have no event in common, further ones
deal the events out anew. Windows of the mass and methods are compared on the same data.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from jetchain.anomaly.features import inject as hide
from jetchain.anomaly.settings import InjectionJob, JudgementJob
from jetchain.core.dijets import Array, Table, inside, read_dijets, read_scores, read_truth
from jetchain.core.errors import EmptySampleError
from jetchain.core.io.tables import read_result, write_result
from jetchain.core.io.tensors import write_tensors
from jetchain.core.schema.anomaly import ANOMALY_FEATURES, DIJET_TRUTH, DIJETS
from jetchain.core.schema.background import Normalisation
from jetchain.core.schema.scan import AtEfficiency, Injection, Judgement
from jetchain.core.seeds import generator
from jetchain.core.verbs import Input, Output

SHIFTED = ("m_j1", "delta_m")
"""Features that the mass-shift stress moves, as in the code of arXiv 2109.00546 (shift_data)."""


def dealt(number: int, share: float, replica: int, seed: int) -> NDArray[np.bool_]:
    """Which of so many background events (number,) a replica has.

    Counts are binomial, as those of data are Poisson: no replica is told the number of another.

    Args:
        number: of the events.
        share: probability of each.
        replica: from 0.
        seed: of the scan, the same for all replicas.
    """
    turn, part = divmod(replica, parts(share))
    drawn = generator(seed, "background", turn).random(number)
    return (part * share <= drawn) & (drawn < (part + 1) * share)


def parts(share: float) -> int:
    """The number of replicas that have no background event in common."""
    return int(1 / share + 1e-9)


def shared_background(replicas: int, share: float) -> float:
    """The mean, over pairs of replicas, of the share of events that one has in common with the
    other: none of the same turn, `share` of different ones."""
    turns = np.arange(replicas) // parts(share)
    first, second = np.triu_indices(replicas, 1)
    return float(share * np.mean(turns[first] != turns[second])) if len(first) else 0.0


def shifted(table: Table, slope: float) -> Table:
    """The table with the jet masses moved by slope * m_JJ, TeV.

    They then depend on the dijet mass, which CWoLa takes for signal and CATHODE learns.
    """
    moved = [ANOMALY_FEATURES.index(name) for name in SHIFTED]
    features = table["features"].copy()
    features[:, moved] += slope * table["m_jj"][:, None]
    return {**table, "features": features}


def draw(
    background: tuple[Array, Array], signal: tuple[Array, Array], expected: float,
    folds: int, random: np.random.Generator,
) -> tuple[Table, Table, Table]:  # fmt: skip
    """Data, truth and remaining signal of a point; see `anomaly.features.inject`.

    Args:
        background, signal: masses (events,) and features (events, 4).
        expected: signal events.
        folds: of the cross-training.
        random: draws number, choice and order.

    Raises:
        EmptySampleError: no background, or no simulated signal would be left.
    """
    number, simulated = int(random.poisson(expected)), len(signal[0])
    if number >= simulated:
        raise EmptySampleError(
            f"{number} signal events are to be injected, of {simulated} simulated ones.",
            "Generate more signal, or lower strengths or share of the scan.",
        )
    return hide(background, signal, number, folds, random)


def numbered(table: Table, folds: int) -> Table:
    """Masses and features with the other columns of DIJETS; folds as those of `inject`."""
    event_id = np.arange(len(table["m_jj"]))
    return {**table, "event_id": event_id, "fold": event_id % folds}


def pool(data: Table, truth: Table, signal_test: Table) -> tuple[Table, Table]:
    """Background and simulated signal of the search, each by rising mass.

    The order does not tell, then, which signal events the search itself has.
    """
    is_signal = truth["is_signal"] == 1
    background = {name: data[name][~is_signal] for name in ("m_jj", "features")}
    signal = {
        name: np.concatenate([data[name][is_signal], signal_test[name]])
        for name in ("m_jj", "features")
    }
    sorted_by = [np.argsort(table["m_jj"], kind="stable") for table in (background, signal)]
    first, second = (
        {name: values[order] for name, values in table.items()}
        for table, order in zip((background, signal), sorted_by, strict=True)
    )
    return first, second


def inject(
    *,
    pool_data: Input,
    pool_truth: Input,
    pool_signal: Input,
    normalisation: Input,
    data: Output,
    truth: Output,
    signal_test: Output,
    background_test: Output,
    injection: Output,
    scaled: Output,
    strength: str,
    replica: str,
    settings: InjectionJob,
    seed: int,
) -> None:
    """Make the data of a point from the events of the search.

    Args:
        pool_data, pool_truth, pool_signal: the events of the search, with their truth.
        normalisation: of the search.
        data, truth, signal_test: written, as by `anomaly.features`. In another window the simulated
            signal is moved to it: what is sought there has its mass there.
        background_test: written, the background of the window that the replica does not have, to
            judge on; no event with a share of 1.
        injection: written, what is in the data.
        scaled: written, the normalisation of the point.
        strength: expected signal events in units of the reference.
        replica: number of the draw.
        settings: share, window, shift.
        seed: of the scan.

    Raises:
        EmptySampleError: no background, or too few simulated signal events.
    """
    searched = read_dijets(pool_data)
    background, signal = pool(
        searched, {"is_signal": read_truth(pool_truth, searched)}, read_dijets(pool_signal)
    )
    whole = read_result(normalisation, Normalisation)
    number, folds = int(replica), int(searched["fold"].max()) + 1
    kept = dealt(len(background["m_jj"]), settings.share, number, seed)
    if not kept.any():
        raise EmptySampleError(
            f"The share {settings.share:g} of {len(kept)} background events is none of them.",
            "Raise share of the scan, or generate more background.",
        )
    reference = max(round(settings.share * whole.reference_events), 1)
    expected = float(strength) * reference
    drawn = draw(
        (background["m_jj"][kept], background["features"][kept]),
        (signal["m_jj"], signal["features"]),
        expected,
        folds,
        generator(seed, "signal", strength, number),
    )
    window = settings.signal_region
    beside = int(inside(background["m_jj"][kept], window).sum())
    in_window = expected * float(inside(signal["m_jj"], window).mean())
    moved = sum(window) / sum(settings.home)
    for path, table, factor in ((data, drawn[0], 1.0), (signal_test, drawn[2], moved)):
        table = shifted(table, settings.mass_shift)
        write_tensors(path, DIJETS, {**table, "m_jj": factor * table["m_jj"]})
    write_tensors(truth, DIJET_TRUTH, drawn[1])
    left = ~kept & inside(background["m_jj"], window)
    rest = {name: values[left] for name, values in background.items()}
    write_tensors(background_test, DIJETS, numbered(shifted(rest, settings.mass_shift), folds))
    injected = int(drawn[1]["is_signal"].sum())
    write_result(
        injection,
        Injection(
            signal_region_tev=(window[0], window[1]),
            strength=float(strength),
            replica=number,
            share=settings.share,
            reference_events=reference,
            injected_events=injected,
            background_in_window=beside,
            signal_in_window=in_window,
            initial_significance=in_window / float(np.sqrt(max(beside, 1))),
            shared_signal=expected / len(signal["m_jj"]),
        ),
    )
    luminosity = settings.share * whole.luminosity_fb
    one = 1 / (luminosity * whole.signal_acceptance)
    changed = {
        "luminosity_fb": luminosity,
        "reference_events": reference,
        "reference_cross_section_fb": reference * one,
        "injected_events": injected,
        "injected_cross_section_fb": injected * one,
    }
    write_result(scaled, whole.model_copy(update=changed))


def cuts(labels: NDArray, scores: Array, settings: JudgementJob) -> list[AtEfficiency]:
    """Improvement and signal efficiency at the background efficiencies of the settings.

    Args:
        labels: (n,) 1 for signal.
        scores: (n,)
        settings: efficiencies, and the floor on the background.
    """
    from jetchain.anomaly.evaluate import sic_at  # which takes longer to import than to draw events

    found = []
    for efficiency in settings.background_efficiencies:
        enough = efficiency * np.count_nonzero(labels == 0) >= settings.minimum_background
        sic = sic_at(labels, scores, efficiency) if enough and labels.any() else None
        found.append(
            AtEfficiency(
                background_efficiency=efficiency,
                improvement=sic,
                signal_efficiency=None if sic is None else sic * float(np.sqrt(efficiency)),
            )
        )
    return found


def judge(
    *,
    data: Input,
    truth: Input,
    signal_test: Input,
    scores: Input,
    signal_scores: Input,
    background_test: Input,
    background_scores: Input,
    judgement: Output,
    settings: JudgementJob,
) -> None:
    """Say how well a method's scores separate background of the data from signal outside of it.

    All lie in the window, and every event is scored by models that did not see it. Background that
    is not in the data takes the place of theirs where there is more of it.
    """
    tables = [read_dijets(path) for path in (data, signal_test)]
    chosen = [inside(table["m_jj"], settings.signal_region) for table in tables]
    chosen[0] &= read_truth(truth, tables[0]) == 0
    parts: list[Any] = [
        read_scores(path, table).mean(axis=1)[own]
        for path, table, own in zip((scores, signal_scores), tables, chosen, strict=True)
    ]
    beside = read_dijets(background_test)
    independent = len(beside["m_jj"]) > len(parts[0])
    if independent:
        parts[0] = read_scores(background_scores, beside).mean(axis=1)
    labels = np.repeat([0, 1], [len(part) for part in parts])
    write_result(
        judgement,
        Judgement(
            cuts=cuts(labels, np.concatenate(parts), settings),
            background_events=len(parts[0]),
            independent=independent,
        ),
    )
