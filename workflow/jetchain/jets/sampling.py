"""Whether a sample's window of pTHat cuts into its jets, and what varied showers do to them.

A jet gains or loses pT by radiation, so jets of a bin in pT come from a range of pTHat. If the
lowest pTHat that was generated still gives a share of a bin, jets of lower pTHat are missing there,
and differently for each class.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import hist
import numpy as np
from numpy.typing import NDArray

from jetchain.core.histograms import save_histograms, weighted
from jetchain.core.io.events import read_events, require_same_events
from jetchain.core.io.tables import read_result, write_result
from jetchain.core.schema.generate import GENERATED, VARIATIONS, ShardAccount
from jetchain.core.schema.jets import (
    JET_CLASSES,
    JetSampling,
    SampledBin,
    jet_collection,
    jets_table,
)
from jetchain.core.schema.validation import ValidationNumber
from jetchain.core.spectrum import effective_number
from jetchain.core.validation import number
from jetchain.core.verbs import Inputs, Output
from jetchain.jets.settings import WindowSettings

Float = NDArray[np.floating]
Columns = dict[str, NDArray]

EDGE = 50.0
"""Width of the strip above the lowest pTHat of a sample, GeV."""
TOLERANCE = 0.02
"""Largest share of a bin that the strip may give: what lies below it gives less, and is missing."""
BIN_WIDTH = 50.0  # of jet pT, about, GeV
PTHAT_EDGES = np.linspace(0, 1500, 61)
COLUMNS = ("pt", "eta", "m", "msd", "tau1", "tau2", "label")


def sampling(
    *,
    jets: Inputs,
    truth: Inputs,
    accounts: Inputs,
    histograms: Output,
    summary: Output,
    settings: WindowSettings,
) -> None:
    """Compare the pT of the reconstructed jets of each class with the pTHat of their events.

    A sample with a pTHat of 0 has none: files of HepMC and Delphes do not tell it, nor has Pythia
    one of a resonance alone. Nothing is said of it then.

    Args:
        jets: the jets, ``.../<sample>/<shard>.root``; a sample that has no class's name is left.
        truth: tables GENERATED of the same shards.
        accounts: `ShardAccount` of the same shards, for the least pTHat before a filter.
        histograms: written: ``pthat/<class>`` of jet pT and pTHat; and where weights of varied
            showers were generated, ``<class>/<variable>/<weight>`` with each of them.
        summary: written: the share of each bin from the lowest pTHat, as a table and as rows of
            the validation, and by how much varied showers change the weight of each class.
        settings: radius, window of pT and bins of the mass.
    """
    found: dict[str, list[tuple[Columns, float]]] = {}
    for jet_path, true_path, account in zip(jets, truth, accounts, strict=True):
        if (sample := jet_path.parent.name) in JET_CLASSES:
            table, lowest = _read(jet_path, true_path, sample, settings)
            generated = read_result(account, ShardAccount).lowest_pthat
            found.setdefault(sample, []).append((table, min(lowest, generated or np.inf)))
    bins_of_pt = max(round((settings.pt_max - settings.pt_min) / BIN_WIDTH), 1)
    edges = np.linspace(settings.pt_min, settings.pt_max, bins_of_pt + 1)
    bins: list[SampledBin] = []
    drawn: dict[str, hist.Hist] = {}
    changes: dict[str, dict[str, float]] = {}
    for sample in (name for name in JET_CLASSES if name in found):
        pieces = [piece for piece, _ in found[sample]]
        table = {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}
        lowest = min(least for _, least in found[sample])
        if lowest > 0:
            bins += sampled(sample, table, lowest, edges)
            drawn[f"pthat/{sample}"] = plane(table, edges)
        if any(np.any(table[name] != table["weight"]) for name in VARIATIONS):
            drawn |= varied(sample, table, settings)
            changes[sample] = {
                name: float(table[name].sum() / table["weight"].sum()) for name in VARIATIONS
            }
    save_histograms(histograms, drawn)
    write_result(
        summary,
        JetSampling(edge=EDGE, bins=bins, variations=changes, numbers=softest(bins)),
    )


def _read(
    jet_path: Path, true_path: Path, sample: str, settings: WindowSettings
) -> tuple[Columns, float]:
    """The jets of its class in the window of pT of one shard, and the shard's lowest pTHat."""
    import awkward as ak

    name = jet_collection(settings.radius)
    data = read_events(jet_path, jets_table((settings.radius,)), {name: COLUMNS})
    true = read_events(true_path, GENERATED, {})
    require_same_events(data, true, f"{jet_path} and {true_path}")
    counts = ak.to_numpy(ak.num(data[name]["pt"]))
    columns = {column: ak.to_numpy(ak.flatten(data[name][column])) for column in COLUMNS}
    for column in ("weight", "pthat", *VARIATIONS):
        columns[column] = np.repeat(ak.to_numpy(true["event"][column]), counts)
    chosen = (columns["label"] == JET_CLASSES.index(sample)) & (
        (columns["pt"] > settings.pt_min) & (columns["pt"] < settings.pt_max)
    )
    pthat = ak.to_numpy(true["event"]["pthat"])
    lowest = float(pthat.min()) if len(pthat) else np.inf
    return {column: values[chosen] for column, values in columns.items()}, lowest


def sampled(sample: str, jets: Columns, lowest: float, edges: Float) -> list[SampledBin]:
    """The share of each bin of pT, by weight, that the lowest pTHat gives; empty bins are left out.

    Args:
        sample: the class.
        jets: pt, pthat (GeV) and weight of its jets.
        lowest: pTHat of the sample, GeV.
        edges: of the bins, GeV.
    """
    rows = []
    for low, high in itertools.pairwise(edges):
        inside = (jets["pt"] >= low) & (jets["pt"] < high)
        weight = jets["weight"][inside]
        total = float(weight.sum())
        if total <= 0:
            continue
        strip = jets["pthat"][inside] < lowest + EDGE
        share = float(weight[strip].sum()) / total
        rest = np.where(strip, 1 - share, share)
        error = float(np.sqrt(np.sum((rest * weight) ** 2))) / total
        if not strip.any():  # what one more jet, as heavy as the heaviest there, would give
            error = float(weight.max()) / (total + float(weight.max()))
        rows.append(
            SampledBin(
                jet_class=sample,
                pt_low=float(low),
                pt_high=float(high),
                jets=int(inside.sum()),
                effective=effective_number(weight),
                lowest=share,
                lowest_error=error,
            )
        )
    return rows


def softest(bins: list[SampledBin]) -> list[ValidationNumber]:
    """One row of the validation a class: its bin of the lowest pT, to which most is missing.

    The share falls with the jets' pT; single jets of large weight make the largest share of many
    bins a matter of chance.
    """
    numbers = []
    for name in dict.fromkeys(row.jet_class for row in bins):
        row = min((each for each in bins if each.jet_class == name), key=lambda each: each.pt_low)
        numbers.append(
            number(
                f"share of jets of {row.pt_low:.0f}-{row.pt_high:.0f} GeV from the lowest "
                f"{EDGE:.0f} GeV of pTHat",
                row.lowest, row.lowest_error, sample=name, reference=0.0, tolerance=TOLERANCE,
                rule="measured", source="nothing is missing below the window; at most 2 %",
            )
        )  # fmt: skip
    return numbers


def plane(jets: Columns, edges: Float) -> hist.Hist:
    """Weights in bins of jet pT and pTHat."""
    histogram = hist.Hist(
        hist.axis.Variable(edges, name="pt", label="jet $p_T$ [GeV]"),
        hist.axis.Variable(PTHAT_EDGES, name="pthat", label=r"$\hat{p}_T$ [GeV]"),
        storage=hist.storage.Weight(),
    )
    histogram.fill(jets["pt"], jets["pthat"], weight=jets["weight"])
    return histogram


def varied(sample: str, jets: Columns, settings: WindowSettings) -> dict[str, hist.Hist]:
    """Histograms ``<class>/<variable>/<weight>`` with the nominal and each varied weight."""
    mass = np.linspace(0, settings.mass_max, settings.mass_bins // 2 + 1)
    ratio = np.divide(
        jets["tau2"], jets["tau1"], out=np.full(len(jets["pt"]), -1.0), where=jets["tau1"] > 0
    )
    return {
        f"{sample}/{variable}/{name}": weighted(variable, values, edges, jets[name], label=text)
        for name in ("weight", *VARIATIONS)
        for variable, values, edges, text in (
            ("pt", jets["pt"], np.linspace(settings.pt_min, settings.pt_max, 11),
             "jet $p_T$ [GeV]"),
            ("m", jets["m"], mass, "jet mass [GeV]"),
            ("msd", jets["msd"], mass, "soft-drop mass [GeV]"),
            ("tau21", ratio, np.linspace(0, 1.0, 21), r"$\tau_{21}$"),
        )
    }  # fmt: skip
