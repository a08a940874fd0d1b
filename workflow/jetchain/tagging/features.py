"""The jets of the tagging data set, one shard at a time: selection, the 17 inputs of Particle
Transformer, and three splits. A shard may be larger than the memory: it is read in parts.

The split of a jet follows from its event's identity alone, so that two jets of one event never
stand on both sides, and adding a shard moves no jet.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numba
import numpy as np
from numpy.typing import NDArray

from jetchain.core.errors import ConfigurationError, DataError
from jetchain.core.io.mapped import Mapped
from jetchain.core.io.tables import write_result
from jetchain.core.io.tensors import has_about, read_about, write_rows
from jetchain.core.schema.graphs import (
    CONSTITUENT_COLUMNS,
    JET_COLUMNS,
    JET_GRAPHS,
    ImportedJets,
)
from jetchain.core.schema.jets import JET_CLASSES
from jetchain.core.schema.tagging import (
    TAGGING_FEATURES,
    TAGGING_JETS,
    TAGGING_SPLITS,
    SelectedJets,
    ShardCutflow,
)
from jetchain.core.verbs import Input, Output
from jetchain.tagging.class_settings import class_names
from jetchain.tagging.settings import SelectionJobSettings, SelectionSettings

Integer = NDArray[np.int64]
Table = dict[str, np.ndarray]

PART = 2048
"""Jets that are laid out at a time: each takes some 25 kB on the way."""
BLOCK = 4096
"""Constituents whose features are computed at a time: they stay in the processor's cache."""

# Columns of the constituents that a network may see as they are.
RAW = {
    "points": ("delta_eta", "delta_phi"),
    "momentum": ("px", "py", "pz", "e"),
    "track": ("d0", "z0", "d0_err", "z0_err"),
}


def features(
    *, graphs: Input, jets: Output, cutflow: Output, settings: SelectionJobSettings, sample: str
) -> None:
    """Select and lay out the jets of one shard that belong to a class.

    Args:
        graphs: JET_GRAPHS of the shard.
        jets: where to write TAGGING_JETS.
        cutflow: where to write the number of jets after each cut, by class.
        settings: the classes, selection and splits.
        sample: name of the sample.

    Raises:
        DataError: no class takes jets of the sample, or a constituent has no positive energy or pT.
    """
    labels = labels_of(sample, settings, truth_labels(graphs))
    if not labels:
        raise DataError(
            f"{graphs}: no class of jets takes '{sample}'.",
            "Name the sample in tagging.classes, or give shards of other samples.",
        )
    table = Mapped([graphs], JET_GRAPHS)
    few = table.rows(np.arange(len(table)), ["label", "jet"])
    rows, label, selected = select(few["label"], few["jet"], labels, settings)
    write_result(cutflow, ShardCutflow(names=class_names(settings.classes), classes=selected))

    def parts() -> Iterator[Table]:
        for first in range(0, len(rows), PART):
            some = slice(first, first + PART)
            shard = table.rows(rows[some], COLUMNS)
            yield lay_out(shard, label[some], sample, settings)

    write_rows(
        jets, TAGGING_JETS, parts(), rows=len(rows), lengths={"particles": settings.particles}
    )


COLUMNS = (
    "event_number", "jet_index", "weight", "jet", "multiplicity", "constituent_offset",
    "constituents", "constituent_truth",
)  # fmt: skip


def truth_labels(graphs: Path) -> Sequence[str]:
    """What the labels of a file of jet graphs are indices into: JET_CLASSES, if it says nothing."""
    return read_about(graphs, ImportedJets).labels if has_about(graphs) else JET_CLASSES


def labels_of(
    sample: str, settings: SelectionJobSettings, known: Sequence[str]
) -> dict[str, tuple[int, int | None]]:
    """The classes that take jets of a sample: label, and truth label (None: all jets), by name.

    Args:
        sample: its name.
        settings: the classes.
        known: names of the truth labels of the sample's jets.

    Raises:
        ConfigurationError: a class takes jets with a label that they do not know.
    """
    found = {}
    for index, name in enumerate(class_names(settings.classes)):
        each = settings.classes[name]
        if sample not in each.samples:
            continue
        if each.label is not None and each.label not in known:
            raise ConfigurationError(
                f"Class '{name}' takes jets of '{sample}' with the truth label '{each.label}', but "
                f"these have {', '.join(known)}.",
                f"Correct tagging.classes.{name}.label.",
            )
        found[name] = (index, None if each.label is None else known.index(each.label))
    return found


def select(
    truth: Integer,
    jet: np.ndarray,
    labels: dict[str, tuple[int, int | None]],
    settings: SelectionSettings,
) -> tuple[Integer, Integer, dict[str, SelectedJets]]:
    """The jets of some classes in the window of pT.

    Args:
        truth: index into `truth_labels`, -1 for none; (jets,).
        jet: JET_COLUMNS; (jets, columns).
        labels: see `labels_of`.
        settings: the window.

    Returns:
        Their rows, their labels, and the number of jets of each class after each cut.
    """
    label = np.full(len(truth), -1)
    for index, wanted in labels.values():
        label[np.ones(len(truth), bool) if wanted is None else truth == wanted] = index
    pt = jet[:, JET_COLUMNS.index("pt")]
    window = (pt > settings.pt_min) & (pt < settings.pt_max)
    selected = {
        name: SelectedJets(
            jets=len(truth),
            labelled=int((label == index).sum()),
            in_pt_window=int(((label == index) & window).sum()),
        )
        for name, (index, _) in labels.items()
    }
    rows = np.flatnonzero((label >= 0) & window)
    return rows, label[rows], selected


def lay_out(shard: Table, label: Integer, sample: str, settings: SelectionSettings) -> Table:
    """Some jets of a shard as TAGGING_JETS.

    Args:
        shard: COLUMNS of JET_GRAPHS, of these jets only.
        label: of their classes, (jets,).
        sample: that they are of.
        settings: places and splits.
    """
    offset, places = shard["constituent_offset"], settings.particles
    flat, lengths = shard["constituents"].copy(), np.diff(offset)
    # As in JetClass, positive delta_eta is away from the centre.
    outwards = np.where(shard["jet"][:, JET_COLUMNS.index("eta")] > 0, 1.0, -1.0)
    flat[:, CONSTITUENT_COLUMNS.index("delta_eta")] *= np.repeat(outwards, lengths)
    return {
        "event_number": shard["event_number"],
        "jet_index": shard["jet_index"],
        "label": label,
        "split": splits(sample, shard["event_number"], settings),
        "weight": shard["weight"],
        "jet": shard["jet"],
        "constituents": shard["multiplicity"],
        "mask": np.arange(places) < lengths[:, None],
        "features": padded(inputs(flat, shard["jet"], lengths), offset, places),
        "truth": padded(shard["constituent_truth"], offset, places, empty=-1),
        **{
            name: padded(flat, offset, places, [*map(CONSTITUENT_COLUMNS.index, columns)])
            for name, columns in RAW.items()
        },
    }


def padded(
    flat: np.ndarray,
    offset: Integer,
    places: int,
    columns: Sequence[int] | None = None,
    empty: int = 0,
) -> np.ndarray:
    """Lay out the leading constituents of jets in rows of equal length.

    Args:
        flat: (constituents, columns) of all jets, jet after jet.
        offset: (jets + 1,) first constituent of each jet.
        places: places for particles in each row.
        columns: which are laid out; all if not given.
        empty: what stands where padded.

    Returns:
        (jets, places, columns).
    """
    chosen = np.arange(flat.shape[1]) if columns is None else np.asarray(columns)
    result = np.full((len(offset) - 1, places, len(chosen)), empty, dtype=flat.dtype)
    _fill(result, flat, offset, chosen)
    return result


@numba.njit(cache=True)
def _fill(result: np.ndarray, flat: np.ndarray, offset: Integer, columns: Integer) -> None:
    """Write the constituents of each jet into the first places of its row."""
    for jet in range(result.shape[0]):
        for place in range(min(offset[jet + 1] - offset[jet], result.shape[1])):
            for n in range(len(columns)):
                result[jet, place, n] = flat[offset[jet] + place, columns[n]]


def inputs(constituents: np.ndarray, jet: np.ndarray, lengths: Integer) -> NDArray[np.float32]:
    """The 17 inputs of Particle Transformer.

    Args:
        constituents: (constituents, CONSTITUENT_COLUMNS) of all jets, jet after jet; GeV, mm, rad;
            delta_eta outwards.
        jet: (jets, JET_COLUMNS), GeV, rad.
        lengths: constituents of each jet, (jets,).

    Returns:
        (constituents, TAGGING_FEATURES); impact parameters as tanh of their value in mm.

    Raises:
        DataError: a particle's pT or energy is not positive.

    Reference:
        arXiv:2202.03772, table 2.
    """
    whole = {name: jet[:, i].astype(float) for i, name in enumerate(JET_COLUMNS)}
    jet_energy = np.sqrt((whole["pt"] * np.cosh(whole["eta"])) ** 2 + whole["m"] ** 2)
    jet_of = np.repeat(np.arange(len(jet)), lengths)
    result = np.empty((len(constituents), len(TAGGING_FEATURES)), np.float32)
    for first in range(0, len(constituents), BLOCK):
        some = slice(first, first + BLOCK)
        each = constituents[some].T.astype(float, order="C")
        column = dict(zip(CONSTITUENT_COLUMNS, each, strict=True))
        pt, energy = np.hypot(column["px"], column["py"]), column["e"]
        if not np.all((pt > 0) & (energy > 0)):
            raise _unusable(constituents, jet_of)
        column |= {
            "log_pt": np.log(pt),
            "log_e": np.log(energy),
            "log_pt_relative": np.log(pt / whole["pt"][jet_of[some]]),
            "log_e_relative": np.log(energy / jet_energy[jet_of[some]]),
            "delta_r": np.hypot(column["delta_eta"], column["delta_phi"]),
            "tanh_d0": np.tanh(column["d0"]),
            "tanh_z0": np.tanh(column["z0"]),
        }
        for place, name in enumerate(TAGGING_FEATURES):
            result[some, place] = column[name]
    return result


def _unusable(constituents: np.ndarray, jet_of: Integer) -> DataError:
    """The error for constituents without a positive pT or energy."""
    px, py, e = (constituents[:, CONSTITUENT_COLUMNS.index(name)] for name in ("px", "py", "e"))
    bad = ~((np.hypot(px, py) > 0) & (e > 0))
    return DataError(
        f"{int(bad.sum())} constituents have no positive pT or energy, the first in jet "
        f"{int(jet_of[bad][0])} of its shard.",
        "The jet graphs are damaged: remove them and run the same command again.",
    )


def splits(sample: str, number: Integer, settings: SelectionSettings) -> Integer:
    """The split of each event: an index into TAGGING_SPLITS, from a hash of its identity.

    Args:
        sample: name of the sample.
        number: (jets,) event number, unique in the sample.
        settings: the shares of the validation and test splits, and which samples are of one.
    """
    if sample in settings.splits:
        return np.full(len(number), TAGGING_SPLITS.index(settings.splits[sample]))
    salt = int.from_bytes(hashlib.sha256(sample.encode()).digest()[:8], "big")
    with np.errstate(over="ignore"):  # SplitMix64 wraps around by design
        mixed = number.astype(np.uint64) + np.uint64(salt)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed = mixed ^ (mixed >> np.uint64(31))
    share = mixed.astype(np.float64) / 2.0**64
    train = 1 - settings.validation_fraction - settings.test_fraction
    return np.searchsorted([train, train + settings.validation_fraction], share, side="right")
