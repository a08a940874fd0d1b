"""The tagging data set: labelled jets, the 17 inputs of Particle Transformer, three splits.

The split of a jet follows from its event's identity alone, so that two jets of one event never
stand on both sides, and adding a shard moves no jet. Means and scales come from the training
split only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jetchain.core.errors import DataError, EmptySampleError
from jetchain.core.io.tables import write_json
from jetchain.core.io.tensors import read_tensors, write_tensors
from jetchain.core.schema.graphs import CONSTITUENT_COLUMNS, JET_COLUMNS, JET_GRAPHS
from jetchain.core.schema.jets import JET_CLASSES
from jetchain.core.schema.tagging import TAGGING_DATASET, TAGGING_FEATURES, TAGGING_SPLITS
from jetchain.core.verbs import Inputs, Output
from jetchain.tagging.settings import FeatureSettings

Float = NDArray[np.float64]
Integer = NDArray[np.int64]
Table = dict[str, np.ndarray]

# Charge and flags are small integers already: they are not standardised.
STANDARDISED = np.array(
    [name != "charge" and not name.startswith("is_") for name in TAGGING_FEATURES]
)


def features(
    *, graphs: Inputs, dataset: Output, summary: Output, settings: FeatureSettings
) -> None:
    """Make the tagging data set from the jet graphs of the class samples.

    Args:
        graphs: JET_GRAPHS shards, ``.../<sample>/<shard>.safetensors``; each class of JET_CLASSES
            takes its jets from the sample of its own name.
        dataset: where to write TAGGING_DATASET.
        summary: where to write the cutflow and the size of each split, per class.
        settings: selection and splits.

    Raises:
        EmptySampleError: a class has no jet in one of the splits.
        DataError: a sample is no class, or a constituent has no positive energy or pT.
    """
    shards: dict[str, list[Path]] = {name: [] for name in JET_CLASSES}
    for path in graphs:
        if path.parent.name not in shards:
            raise DataError(
                f"{path}: '{path.parent.name}' is not one of the jet classes.",
                f"Give shards of the samples {', '.join(JET_CLASSES)} only.",
            )
        shards[path.parent.name].append(path)
    tables, cutflows = [], {}
    for name, paths in shards.items():
        table, cutflows[name] = class_jets(
            (read_tensors(path, JET_GRAPHS) for path in paths), name, settings
        )
        tables.append(table)
    data = {key: np.concatenate([table[key] for table in tables]) for key in tables[0]}
    del tables
    data["weight"] = balance(data["label"], data["split"])
    data["mean"], data["scale"] = moments(data["features"], data["mask"], data["split"] == 0)
    data["features"] = standardise(data["features"], data["mask"], data["mean"], data["scale"])
    write_tensors(dataset, TAGGING_DATASET, data)
    write_json(summary, {"classes": list(JET_CLASSES), "cutflow": cutflows})


def class_jets(
    shards: Iterable[Table], name: str, settings: FeatureSettings
) -> tuple[Table, dict[str, int]]:
    """The selected jets of one class, padded, with their split and the cutflow.

    Args:
        shards: JET_GRAPHS tables of the sample of this class.
        name: the class, and its sample.
        settings: selection and splits.

    Returns:
        The jets' rows of TAGGING_DATASET (features not yet standardised), and the number of jets
        after each cut, of constituents and of jets in each split.

    Raises:
        EmptySampleError: no jet is left in one of the splits.
    """
    label, pt_column = JET_CLASSES.index(name), JET_COLUMNS.index("pt")
    flow = dict.fromkeys(
        ("jets", "labelled", "in_pt_window", "kept", "constituents", "constituents_kept"), 0
    )
    parts: list[Table] = []
    for shard in shards:
        labelled = shard["label"] == label
        pt = shard["jet"][:, pt_column]
        window = labelled & (pt > settings.pt_min) & (pt < settings.pt_max)
        room = settings.max_jets_per_class - flow["kept"]
        kept = np.flatnonzero(window)[:room]
        lengths = np.diff(shard["constituent_offset"])[kept]
        flow["jets"] += len(labelled)
        flow["labelled"] += int(labelled.sum())
        flow["in_pt_window"] += int(window.sum())
        flow["kept"] += len(kept)
        flow["constituents"] += int(lengths.sum())
        flow["constituents_kept"] += int(np.minimum(lengths, settings.particles).sum())
        raw, mask = padded(
            shard["constituents"], shard["constituent_offset"], kept, settings.particles
        )
        parts.append({
            "event_number": shard["event_number"][kept],
            "jet_index": shard["jet_index"][kept],
            "label": np.full(len(kept), label),
            "split": splits(name, shard["event_number"][kept], settings),
            "jet": shard["jet"][kept],
            "points": raw[..., [CONSTITUENT_COLUMNS.index(f"delta_{x}") for x in ("eta", "phi")]],
            "features": inputs(raw, shard["jet"][kept], mask),
            "mask": mask.astype(np.uint8),
        })  # fmt: skip
    found = np.concatenate([part["split"] for part in parts] or [np.zeros(0, dtype=np.int64)])
    for index, split in enumerate(TAGGING_SPLITS):
        flow[split] = int((found == index).sum())
        if not flow[split]:
            raise EmptySampleError(
                f"Class '{name}': no jet in the {split} split ({flow['jets']} jets in the sample, "
                f"{flow['labelled']} labelled {name}, {flow['in_pt_window']} of them with "
                f"{settings.pt_min:g} < pT < {settings.pt_max:g} GeV, {flow['kept']} kept).",
                f"Generate more events of sample '{name}' (generate.samples.{name}), or widen "
                "tagging.features.",
            )
    return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}, flow


def padded(
    flat: np.ndarray, offset: Integer, rows: Integer, places: int
) -> tuple[np.ndarray, NDArray[np.bool_]]:
    """Lay out the leading constituents of some jets in rows of equal length.

    Args:
        flat: (constituents, columns) of all jets, jet after jet.
        offset: (jets + 1,) first constituent of each jet.
        rows: (kept,) the jets wanted.
        places: places for particles in each row.

    Returns:
        (kept, places, columns), 0 where padded, and the mask (kept, places).
    """
    lengths = np.minimum(np.diff(offset)[rows], places)
    mask = np.arange(places) < lengths[:, None]
    result = np.zeros((len(rows), places, flat.shape[1]), dtype=flat.dtype)
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


def splits(sample: str, number: Integer, settings: FeatureSettings) -> Integer:
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


def balance(label: Integer, split: Integer) -> NDArray[np.float32]:
    """Weights with which all classes of a split count the same; their mean in a split is 1.

    Args:
        label: (jets,) class.
        split: (jets,) split.
    """
    weight = np.zeros(len(label), dtype=np.float32)
    for part in np.unique(split):
        inside = split == part
        classes, counts = np.unique(label[inside], return_counts=True)
        for each, count in zip(classes, counts, strict=True):
            weight[inside & (label == each)] = inside.sum() / (len(classes) * count)
    return weight


def moments(
    values: NDArray[np.float32], mask: np.ndarray, chosen: NDArray[np.bool_]
) -> tuple[Float, Float]:
    """Mean and standard deviation of each feature over the particles of the chosen jets.

    Args:
        values: (jets, particles, features).
        mask: (jets, particles), 0 where padded.
        chosen: (jets,) the jets that may be looked at: those of the training split.

    Returns:
        mean and scale, (features,); 0 and 1 for charge, flags and features that do not vary.
    """
    particles = values[chosen][mask[chosen].astype(bool)].astype(np.float64)
    mean = np.where(STANDARDISED, particles.mean(axis=0), 0.0)
    spread = particles.std(axis=0)
    return mean, np.where(STANDARDISED & (spread > 1e-6), spread, 1.0)


def standardise(
    values: NDArray[np.float32], mask: np.ndarray, mean: Float, scale: Float
) -> NDArray[np.float32]:
    """Subtract the mean and divide by the scale; padding stays 0."""
    result = (values - mean.astype(np.float32)) / scale.astype(np.float32)
    return np.where(mask[..., None].astype(bool), result, np.float32(0))
