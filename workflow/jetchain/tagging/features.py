"""The jets of the tagging data set, one shard at a time: selection, the 17 inputs of Particle
Transformer, and three splits.

The split of a jet follows from its event's identity alone, so that two jets of one event never
stand on both sides, and adding a shard moves no jet.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from jetchain.core.errors import DataError
from jetchain.core.io.tables import write_result
from jetchain.core.io.tensors import read_tensors, write_tensors
from jetchain.core.schema.graphs import CONSTITUENT_COLUMNS, JET_COLUMNS, JET_GRAPHS
from jetchain.core.schema.jets import JET_CLASSES
from jetchain.core.schema.tagging import TAGGING_FEATURES, TAGGING_JETS, SelectedJets
from jetchain.core.verbs import Input, Output
from jetchain.tagging.settings import SelectionSettings

Integer = NDArray[np.int64]
Table = dict[str, np.ndarray]

# Columns of the constituents that a network may see as they are.
RAW = {
    "points": ("delta_eta", "delta_phi"),
    "momentum": ("px", "py", "pz", "e"),
    "track": ("d0", "z0", "d0_err", "z0_err"),
}


def features(
    *, graphs: Input, jets: Output, cutflow: Output, settings: SelectionSettings, sample: str
) -> None:
    """Select and lay out the labelled jets of one shard.

    Args:
        graphs: JET_GRAPHS of the shard.
        jets: where to write TAGGING_JETS.
        cutflow: where to write the number of jets after each cut.
        settings: selection and splits.
        sample: name of the sample, which is the class of its jets.

    Raises:
        DataError: the sample is no class, or a constituent has no positive energy or pT.
    """
    if sample not in JET_CLASSES:
        raise DataError(
            f"{graphs}: '{sample}' is not one of the jet classes.",
            f"Give shards of the samples {', '.join(JET_CLASSES)} only.",
        )
    table, selected = select(read_tensors(graphs, JET_GRAPHS), sample, settings)
    write_tensors(jets, TAGGING_JETS, table)
    write_result(cutflow, selected)


def select(shard: Table, sample: str, settings: SelectionSettings) -> tuple[Table, SelectedJets]:
    """The jets of a class in the window of pT, padded, with their split.

    Args:
        shard: JET_GRAPHS of the sample of this class.
        sample: the class, and its sample.
        settings: selection and splits.

    Returns:
        TAGGING_JETS, and the number of jets after each cut.
    """
    label = JET_CLASSES.index(sample)
    labelled = shard["label"] == label
    pt = shard["jet"][:, JET_COLUMNS.index("pt")]
    window = labelled & (pt > settings.pt_min) & (pt < settings.pt_max)
    kept, offset = np.flatnonzero(window), shard["constituent_offset"]
    raw, mask = padded(shard["constituents"], offset, kept, settings.particles)
    table = {
        "event_number": shard["event_number"][kept],
        "jet_index": shard["jet_index"][kept],
        "label": np.full(len(kept), label),
        "split": splits(sample, shard["event_number"][kept], settings),
        "weight": shard["weight"][kept],
        "jet": shard["jet"][kept],
        "constituents": np.diff(offset)[kept],
        "mask": mask,
        "features": inputs(raw, shard["jet"][kept], mask),
        **{
            name: raw[..., [CONSTITUENT_COLUMNS.index(column) for column in columns]]
            for name, columns in RAW.items()
        },
    }
    if "truth" in TAGGING_JETS.tensors:
        truth, _ = padded(shard["constituent_truth"], offset, kept, settings.particles, empty=-1)
        table["truth"] = truth
    selected = SelectedJets(
        jets=len(labelled), labelled=int(labelled.sum()), in_pt_window=len(kept)
    )
    return table, selected


def padded(
    flat: np.ndarray, offset: Integer, rows: Integer, places: int, empty: int = 0
) -> tuple[np.ndarray, NDArray[np.bool_]]:
    """Lay out the leading constituents of some jets in rows of equal length.

    Args:
        flat: (constituents, columns) of all jets, jet after jet.
        offset: (jets + 1,) first constituent of each jet.
        rows: (kept,) the jets wanted.
        places: places for particles in each row.
        empty: what stands where padded.

    Returns:
        (kept, places, columns), and the mask (kept, places), False where padded.
    """
    lengths = np.minimum(np.diff(offset)[rows], places)
    mask = np.arange(places) < lengths[:, None]
    result = np.full((len(rows), places, flat.shape[1]), empty, dtype=flat.dtype)
    jet, place = np.nonzero(mask)
    result[jet, place] = flat[offset[rows][jet] + place]
    return result, mask


def inputs(
    constituents: np.ndarray, jet: np.ndarray, mask: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """The 17 inputs of Particle Transformer.

    Args:
        constituents: (jets, particles, CONSTITUENT_COLUMNS), GeV, mm, rad.
        jet: (jets, JET_COLUMNS), GeV, rad.
        mask: (jets, particles), False where padded.

    Returns:
        (jets, particles, TAGGING_FEATURES); impact parameters as tanh of their value in mm.

    Raises:
        DataError: a particle's pT or energy is not positive.

    Reference:
        arXiv:2202.03772, table 2.
    """
    column = {
        name: constituents[..., i].astype(float) for i, name in enumerate(CONSTITUENT_COLUMNS)
    }
    whole = {name: jet[:, i].astype(float)[:, None] for i, name in enumerate(JET_COLUMNS)}
    pt, energy = np.hypot(column["px"], column["py"]), column["e"]
    bad = mask & ~((pt > 0) & (energy > 0))
    if bad.any():
        raise DataError(
            f"{int(bad.sum())} constituents have no positive pT or energy, the first in jet "
            f"{int(np.nonzero(bad)[0][0])} of its shard.",
            "The jet graphs are damaged: remove them and run the same command again.",
        )
    pt, energy = np.where(mask, pt, 1.0), np.where(mask, energy, 1.0)
    jet_energy = np.sqrt((whole["pt"] * np.cosh(whole["eta"])) ** 2 + whole["m"] ** 2)
    derived = {
        "log_pt": np.log(pt),
        "log_e": np.log(energy),
        "log_pt_relative": np.log(pt / whole["pt"]),
        "log_e_relative": np.log(energy / jet_energy),
        "delta_r": np.hypot(column["delta_eta"], column["delta_phi"]),
        "tanh_d0": np.tanh(column["d0"]),
        "tanh_z0": np.tanh(column["z0"]),
    }
    values = np.stack([(column | derived)[name] for name in TAGGING_FEATURES], axis=-1)
    return (values * mask[..., None]).astype(np.float32)


def splits(sample: str, number: Integer, settings: SelectionSettings) -> Integer:
    """The split of each event: an index into TAGGING_SPLITS, from a hash of its identity.

    Args:
        sample: name of the sample.
        number: (jets,) event number, unique in the sample.
        settings: the shares of the validation and test splits.
    """
    salt = int.from_bytes(hashlib.sha256(sample.encode()).digest()[:8], "big")
    with np.errstate(over="ignore"):  # SplitMix64 wraps around by design
        mixed = number.astype(np.uint64) + np.uint64(salt)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed = mixed ^ (mixed >> np.uint64(31))
    share = mixed.astype(np.float64) / 2.0**64
    train = 1 - settings.validation_fraction - settings.test_fraction
    return np.searchsorted([train, train + settings.validation_fraction], share, side="right")
