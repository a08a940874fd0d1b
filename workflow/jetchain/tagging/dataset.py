"""What joins the shards' jets to one data set: which are kept, their weights, means and scales.

The shards are read one after the other, so that the memory of one is enough. Means and scales come
from the training split only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jetchain.core.errors import EmptySampleError
from jetchain.core.io.mapped import Mapped
from jetchain.core.io.tables import read_result, write_result
from jetchain.core.schema.graphs import JET_COLUMNS
from jetchain.core.schema.jets import JET_CLASSES
from jetchain.core.schema.tagging import (
    TAGGING_FEATURES,
    TAGGING_JETS,
    TAGGING_SPLITS,
    ClassCutflow,
    DatasetShard,
    SelectedJets,
    TaggingDataset,
    TaggingSummary,
)
from jetchain.core.spectrum import CommonSpectrum
from jetchain.core.verbs import Inputs, Output
from jetchain.tagging.settings import DatasetSettings

Float = NDArray[np.float64]

# Charge and flags are small integers already: they are not standardised.
STANDARDISED = np.array(
    [name != "charge" and not name.startswith("is_") for name in TAGGING_FEATURES]
)


FEW = ("label", "weight", "jet")
"""Columns that the weights follow from, a few numbers a jet."""


def dataset(
    *, jets: Inputs, cutflows: Inputs, dataset: Output, summary: Output, settings: DatasetSettings
) -> None:
    """Join the jets of all classes to the tagging data set.

    Args:
        jets: TAGGING_JETS, ``.../<class>/<shard>.safetensors``.
        cutflows: the jets after each cut, a file for each of these.
        dataset: where to write which jets are kept, their weights, means and scales.
        summary: where to write the cutflow and the size of each split, per class.
        settings: how many jets are kept.

    Raises:
        EmptySampleError: a class has no jet in one of the splits.
    """
    # Classes in their order, shards in the order given.
    order = sorted(range(len(jets)), key=lambda n: JET_CLASSES.index(jets[n].parent.name))
    table = Mapped([jets[n] for n in order], TAGGING_JETS)
    room = dict.fromkeys(JET_CLASSES, settings.max_jets_per_class)
    shards = []
    for n, rows in zip(order, np.diff(table.offset).tolist(), strict=True):
        sample = jets[n].parent.name
        kept = min(rows, room[sample])
        room[sample] -= kept
        shards.append(DatasetShard(sample=sample, shard=jets[n].stem, jets=rows, kept=kept))

    def read(*names: str) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
        """Class and kept jets of one shard after the other."""
        for shard, first in zip(shards, table.offset.tolist(), strict=False):
            yield shard.sample, table.rows(first + np.arange(shard.kept), names)

    def training_particles() -> Iterator[NDArray[np.float32]]:
        for _, part in read("split", "mask", "features"):
            train = part["split"] == TAGGING_SPLITS.index("train")
            yield part["features"][train][part["mask"][train].astype(bool)]

    found: list[dict[str, np.ndarray]] = []
    flows = {name: dict.fromkeys(ClassCutflow.model_fields, 0) for name in JET_CLASSES}
    columns = ("split", "constituents", "mask", *FEW)
    for n, (sample, part) in zip(order, read(*columns), strict=True):
        found.append({name: part[name] for name in ("split", *FEW)})
        counts = read_result(cutflows[n], SelectedJets).model_dump()
        counts |= {
            "kept": len(part["split"]),
            "constituents": int(part["constituents"].sum()),
            "constituents_kept": int(part["mask"].sum()),
        }
        for index, split in enumerate(TAGGING_SPLITS):
            counts[split] = int((part["split"] == index).sum())
        for step, number in counts.items():
            flows[sample][step] += number
    cutflow = {name: ClassCutflow(**flow) for name, flow in flows.items()}
    for name, flow in cutflow.items():
        for split in TAGGING_SPLITS:
            _require_jets(name, flow, split)
    splits, label, event_weight, jet = (
        np.concatenate([part[name] for part in found]) for name in ("split", *FEW)
    )
    pt, eta = (jet[:, JET_COLUMNS.index(name)] for name in ("pt", "eta"))
    train = splits == TAGGING_SPLITS.index("train")
    spectrum = CommonSpectrum.of(
        label[train], pt[train], eta[train], event_weight[train],
        len(JET_CLASSES), (settings.pt_bins, settings.eta_bins),
    )  # fmt: skip
    weight = balance(label, splits, spectrum.weights(label, pt, eta, event_weight))
    mean, scale = moments(training_particles)
    write_result(
        dataset,
        TaggingDataset(
            shards=shards,
            pt_edges=spectrum.pt_edges.tolist(),
            eta_edges=spectrum.eta_edges.tolist(),
            factor=dict(zip(JET_CLASSES, spectrum.factor.tolist(), strict=True)),
            weight={
                name: dict(zip(TAGGING_SPLITS, row, strict=True))
                for name, row in zip(JET_CLASSES, weight.tolist(), strict=True)
            },
            mean=mean.tolist(),
            scale=scale.tolist(),
        ),
    )
    write_result(summary, TaggingSummary(classes=list(JET_CLASSES), cutflow=cutflow))


def _require_jets(name: str, flow: ClassCutflow, split: str) -> None:
    """Raise `EmptySampleError` where a class has no jet in a split."""
    if getattr(flow, split):
        return
    raise EmptySampleError(
        f"Class '{name}': no jet in the {split} split ({flow.jets} jets in the sample, "
        f"{flow.labelled} labelled {name}, {flow.in_pt_window} of them in the window of pT, "
        f"{flow.kept} kept).",
        f"Generate more events of sample '{name}' (generate.samples.{name}), or widen "
        "tagging.features.",
    )


def balance(label: ArrayLike, split: ArrayLike, weight: ArrayLike) -> Float:
    """Factors with which all classes of a split weigh the same, and its jets 1 in the mean.

    Args:
        label, split: (jets,) class and split of each; all classes are in every split.
        weight: (jets,)

    Returns:
        (classes, splits).
    """
    place = np.asarray(label) * len(TAGGING_SPLITS) + np.asarray(split)
    size = len(JET_CLASSES) * len(TAGGING_SPLITS)
    shape = (len(JET_CLASSES), len(TAGGING_SPLITS))
    sums = np.bincount(place, np.asarray(weight), minlength=size).reshape(shape)
    jets = np.bincount(place, minlength=size).reshape(shape)
    return np.asarray(jets.sum(axis=0) / (len(JET_CLASSES) * sums))


def moments(particles: Callable[[], Iterable[NDArray[np.float32]]]) -> tuple[Float, Float]:
    """Mean and standard deviation of each feature over the particles of the training split.

    Args:
        particles: gives them in parts, (particles, features) each, and the same once more.

    Returns:
        mean and scale, (features,); 0 and 1 for charge, flags and features that do not vary.
    """
    number, total = 0, np.zeros(len(TAGGING_FEATURES))
    for part in particles():
        number, total = number + len(part), _add(total, part.astype(np.float64))
    mean = total / number
    square = np.zeros_like(total)
    for part in particles():
        square = _add(square, (part.astype(np.float64) - mean) ** 2)
    spread = np.sqrt(square / number)
    varies = STANDARDISED & (spread > 1e-6)
    return np.where(STANDARDISED, mean, 0.0), np.where(varies, spread, 1.0)


def _add(total: Float, rows: Float) -> Float:
    """The sum, row after row, so that it does not depend on how the rows are divided in parts."""
    return np.concatenate([total[None], rows]).sum(axis=0)
