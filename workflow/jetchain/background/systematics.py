"""The signal of a search with one thing varied, in the bins of the search.

The cut is that of the search: what a variation of the simulation does to the signal it does not do
to the data, which set the cut.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from jetchain.background.abcd import region_of
from jetchain.background.selection import cut_by_fold, mass_edges
from jetchain.background.settings import CollectJob
from jetchain.core.dijets import Array, Table, inside, read_dijets, read_scores, sidebands
from jetchain.core.errors import DataError
from jetchain.core.io.tables import read_result, write_result
from jetchain.core.io.tensors import read_tensors
from jetchain.core.schema.anomaly import VARIED, DijetCutflow
from jetchain.core.schema.background import Normalisation, Search, SearchYields, SignalVariation
from jetchain.core.settings import Settings
from jetchain.core.verbs import Input, Inputs, Output

REGIONS = ("low_sideband", "signal_region", "high_sideband")


class VariedCutJob(Settings):
    """What `vary` and `training` read.

    Mass range and width of the bins are those of a spectrum, the efficiency that of a cut on a
    score.
    """

    signal_region: list[float]
    mass_range: list[float] | None = None
    bin_width: float = 0.0
    efficiency: float = 0.0

    @property
    def range(self) -> list[float]:
        """The mass range of a spectrum."""
        assert self.mass_range is not None  # its rule hands it over
        return self.mass_range


def vary(
    *,
    data: Input,
    signal_test: Input,
    varied: Input,
    scores: Inputs,
    signal_scores: Inputs,
    varied_scores: Inputs,
    normalisation: Input,
    yields: Input,
    variation: Output,
    method: str,
    systematic: str,
    settings: VariedCutJob,
) -> None:
    """Count varied signal in the bins of a search.

    Args:
        data, signal_test: DIJETS.
        varied: VARIED.
        scores, signal_scores, varied_scores: of these; ranks for the ABCD method, and none for a
            search without a cut.
        normalisation: of the signal.
        yields: `SearchYields`, with the cuts of the ABCD method.
        variation: written, `SignalVariation`.
        method, systematic: their names.
        settings: of the cut and of the bins.
    """
    tables = (
        read_dijets(data), read_dijets(signal_test), read_tensors(varied, VARIED)
    )  # fmt: skip
    found = [
        read_scores(path, table)
        for paths, table in zip((scores, signal_scores, varied_scores), tables, strict=True)
        for path in paths
    ]
    search = read_result(yields, SearchYields)
    weight = read_result(normalisation, Normalisation).reference_events / max(
        len(tables[1]["m_jj"]), 1
    )
    if search.abcd is not None:
        cuts = search.abcd.cuts
        counted = [
            _regions(table, ranks, cuts, settings)
            for table, ranks in zip(tables[1:], found[1:], strict=True)
        ]
    else:
        counted = _in_bins(tables, found, settings)
    nominal, changed = counted
    directions = tables[2]["direction"]
    ends: list[list[float] | None] = []
    for direction in (1, -1):
        own = directions == direction
        counts = (tables[2]["weight"] * own) @ changed
        ends.append((weight * counts).tolist() if own.any() else None)
    squares = (tables[2]["weight"] ** 2 * (directions == 1)) @ changed
    write_result(
        variation,
        SignalVariation(
            method=method,
            systematic=systematic,
            nominal=(weight * nominal.sum(0)).tolist(),
            up=ends[0],
            down=ends[1],
            up_error=None if ends[0] is None else (weight * np.sqrt(squares)).tolist(),
        ),
    )


def _regions(
    table: Table, ranks: Array, cuts: tuple[float, float], settings: VariedCutJob
) -> Array:
    """(events, 4): which region A to D of the signal region each event lies in."""
    own = inside(table["m_jj"], settings.signal_region)
    region = region_of(ranks, cuts)
    return np.asarray(own[:, None] & (region[:, None] == np.arange(4)), float)


def _in_bins(
    tables: tuple[Table, Table, Table], scores: list[Array], settings: VariedCutJob
) -> list[Array]:
    """(events, bins) of signal and varied signal: which bin each event lies in, if it passes."""
    data, *signals = tables
    kept = [np.ones(len(table["m_jj"]), bool) for table in signals]
    if scores:
        of_data, *rest = (each.mean(axis=1) for each in scores)
        side = sidebands(data["m_jj"], settings.signal_region, settings.range)
        thresholds = cut_by_fold(of_data, data["fold"], side, settings.efficiency)
        kept = [own >= thresholds[table["fold"]] for table, own in zip(signals, rest, strict=True)]
    return [
        _binned(table["m_jj"], settings) * own[:, None]
        for table, own in zip(signals, kept, strict=True)
    ]


def _binned(m_jj: Array, settings: VariedCutJob) -> Array:
    """(events, bins): 1 where an event lies in a bin of the spectrum."""
    edges = mass_edges(settings.range, settings.signal_region, settings.bin_width)
    index = np.searchsorted(edges, m_jj, side="right") - 1
    own = inside(m_jj, settings.range)
    return np.asarray(own[:, None] & (index[:, None] == np.arange(len(edges) - 1)), float)


def training(
    *,
    data: Input,
    signal_test: Input,
    scores: Input,
    signal_scores: Input,
    normalisation: Input,
    variation: Output,
    method: str,
    settings: VariedCutJob,
) -> None:
    """How much of the signal the cut of other trainings would keep.

    The score is the mean of several trainings. The jackknife, which leaves out one at a time, gives
    the error of what the cut on such a mean keeps: one number for all bins, up and down. A single
    training tells nothing.

    Args:
        data, signal_test: DIJETS.
        scores, signal_scores: of these, a column a training.
        normalisation: of the signal.
        variation: written, `SignalVariation`.
        method: its name.
        settings: of the cut and of the bins.
    """
    table, signal = (read_dijets(path) for path in (data, signal_test))
    found = [read_scores(path, each) for path, each in ((scores, table), (signal_scores, signal))]
    weight = read_result(normalisation, Normalisation).reference_events / max(
        len(signal["m_jj"]), 1
    )
    side = sidebands(table["m_jj"], settings.signal_region, settings.range)
    bins, number = _binned(signal["m_jj"], settings), found[0].shape[1]

    def counted(columns: list[int]) -> Array:
        of_data, of_signal = (each[:, columns].mean(axis=1) for each in found)
        thresholds = cut_by_fold(of_data, table["fold"], side, settings.efficiency)
        return weight * ((of_signal >= thresholds[signal["fold"]]) @ bins)

    nominal = counted(list(range(number)))
    result = SignalVariation(
        method=method, systematic="training", nominal=nominal.tolist(), up=None, down=None
    )
    if number > 1 and nominal.any():
        totals = [
            counted([each for each in range(number) if each != left]).sum()
            for left in range(number)
        ]
        relative = float(np.sqrt(number - 1) * np.std(totals) / nominal.sum())
        result = _by_factor(method, "training", nominal, relative)
    write_result(variation, result)


def collect(
    *,
    yields: Input,
    variations: Inputs,
    normalisation: Input,
    cutflow: Input,
    search: Output,
    method: str,
    settings: CollectJob,
) -> None:
    """Put the uncertainties of the signal into the yields of a search.

    The statistical error of a spectrum's signal goes from all bins together into each of them.

    Args:
        yields: `SearchYields`.
        variations: `SignalVariation`; one that is not known is left out.
        normalisation: of the signal.
        cutflow: `DijetCutflow`, with the number of simulated events.
        search: written, `Search`.
        method: its name.
        settings: what is left out, and the bins.

    Raises:
        DataError: a variation is of another search.
    """
    found = read_result(yields, SearchYields)
    known = [read_result(path, SignalVariation) for path in variations]
    for path, each in zip(variations, known, strict=True):
        if each.method != method or len(each.nominal) != len(found.bins):
            raise DataError(
                f"{path}: is of '{each.method}' with {len(each.nominal)} bins, not of '{method}' "
                f"with {len(found.bins)}.",
                "It is from another run. Remove it and run the same command again.",
            )
    signal = np.array([each.signal for each in found.bins])
    edges = mass_edges(settings.mass_range, settings.signal_region, settings.bin_width)
    threshold = settings.systematics.statistics
    if relative := settings.systematics.cross_section:
        known.append(_by_factor(method, "cross_section", signal, relative))
    update: dict[str, Any] = {
        "variations": [each for each in known if _largest(each) > settings.systematics.prune]
    }
    if found.shape is not None:
        scale = read_result(normalisation, Normalisation)
        simulated = read_result(cutflow, DijetCutflow).signal_test
        error = np.sqrt(signal * scale.reference_events / max(simulated, 1))
        expected = signal + np.array([each.background for each in found.bins])
        error[error < threshold * np.sqrt(expected)] = 0.0
        update["signal_statistics"] = error.tolist()
        update["shape"] = found.shape.model_copy(update={"signal_relative_uncertainty": 0.0})
        centre = (edges[1:] + edges[:-1]) / 2
        place = np.searchsorted(settings.signal_region, centre)
        update["regions"] = [REGIONS[each] for each in place.tolist()]
    fields = {name: getattr(found, name) for name in SearchYields.model_fields}
    write_result(search, Search(**fields | update))


def _by_factor(method: str, name: str, nominal: Array, relative: float) -> SignalVariation:
    """All bins up by the factor 1 + relative, and down by the same factor."""
    return SignalVariation(
        method=method,
        systematic=name,
        nominal=nominal.tolist(),
        up=(nominal * (1 + relative)).tolist(),
        down=(nominal / (1 + relative)).tolist(),
    )


def _largest(variation: SignalVariation) -> float:
    """The largest relative change of the signal, or of one bin."""
    nominal = np.array(variation.nominal)
    changes = [0.0]
    for end in (variation.up, variation.down):
        if end is not None and nominal.any():
            moved, filled = np.array(end), nominal > 0
            changes.append(abs(float(moved.sum() / nominal.sum()) - 1))
            changes.append(float(np.abs(moved[filled] / nominal[filled] - 1).max()))
    return max(changes)
