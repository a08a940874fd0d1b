"""What joins the shards' jets to one data set: which are kept, their weights, means and scales.

The shards are read one after the other, so that the memory of one is enough. Means and scales come
from the training split only.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jetchain.core.errors import EmptySampleError
from jetchain.core.io.mapped import Mapped
from jetchain.core.io.tables import read_result, write_result
from jetchain.core.schema.graphs import JET_COLUMNS
from jetchain.core.schema.tagging import (
    TAGGING_FEATURES,
    TAGGING_JETS,
    TAGGING_SPLITS,
    ClassCutflow,
    DatasetShard,
    ShardCutflow,
    TaggingDataset,
    TaggingSummary,
)
from jetchain.core.spectrum import CommonSpectrum, require_weights, sums_of
from jetchain.core.verbs import Inputs, Output
from jetchain.tagging.kept import kept_rows
from jetchain.tagging.settings import DatasetSettings

Float = NDArray[np.float64]

# Charge and flags are small integers already: they are not standardised.
STANDARDISED = np.array(
    [name != "charge" and not name.startswith("is_") for name in TAGGING_FEATURES]
)


FEW = ("label", "weight", "jet")
"""Columns that the weights follow from, a few numbers a jet."""


def dataset(
    *,
    jets: Inputs,
    cutflows: Inputs,
    dataset: Output,
    summary: Output,
    settings: DatasetSettings,
) -> None:
    """Join the jets of all classes to the tagging data set.

    Args:
        jets: TAGGING_JETS, ``.../<sample>/<shard>.safetensors``.
        cutflows: the jets after each cut, a file for each of these.
        dataset: where to write which jets are kept, their weights, means and scales.
        summary: where to write the cutflow and the size of each split, per class.
        settings: how many jets are kept.

    Raises:
        EmptySampleError: a class has no jet in one of the splits.
    """
    flow_of = [read_result(path, ShardCutflow).classes for path in cutflows]
    classes = read_result(cutflows[0], ShardCutflow).names
    # Samples in the order of their classes, shards in the order given.
    first_class = [min(map(classes.index, flow)) for flow in flow_of]
    order = sorted(range(len(jets)), key=first_class.__getitem__)
    table = Mapped([jets[n] for n in order], TAGGING_JETS)
    room = dict.fromkeys(classes, settings.max_jets_per_class)
    shards, chosen = [], []
    for n, (first, last) in zip(order, itertools.pairwise(table.offset.tolist()), strict=True):
        found = table.rows(np.arange(first, last), ["label"])["label"]
        numbers = np.bincount(found, minlength=len(classes)).tolist()
        kept = {
            name: min(number, room[name])
            for name, number in zip(classes, numbers, strict=True)
            if number
        }
        for name, number in kept.items():
            room[name] -= number
        shards.append(
            DatasetShard(
                sample=jets[n].parent.name, shard=jets[n].stem, jets=last - first, kept=kept
            )
        )
        chosen.append(first + kept_rows(found, kept, classes))

    def read(*names: str) -> Iterator[dict[str, np.ndarray]]:
        """The kept jets of one shard after the other."""
        for rows in chosen:
            yield table.rows(rows, names)

    def training_particles() -> Iterator[NDArray[np.float32]]:
        for part in read("split", "mask", "features"):
            train = part["split"] == TAGGING_SPLITS.index("train")
            yield part["features"][train][part["mask"][train].astype(bool)]

    few: list[dict[str, np.ndarray]] = []
    flows = {name: dict.fromkeys(ClassCutflow.model_fields, 0) for name in classes}
    for n, part in zip(order, read("split", "constituents", "mask", *FEW), strict=True):
        few.append({name: part[name] for name in ("split", *FEW)})
        for name, selected in flow_of[n].items():
            own = part["label"] == classes.index(name)
            for step, number in (selected.model_dump() | counts(part, own)).items():
                flows[name][step] += number
    cutflow = {name: ClassCutflow(**flow) for name, flow in flows.items()}
    for name, flow in cutflow.items():
        for split in TAGGING_SPLITS:
            _require_jets(name, flow, split)
    splits, label, event_weight, jet = (
        np.concatenate([part[name] for part in few]) for name in ("split", *FEW)
    )
    require_weights(classes, TAGGING_SPLITS, label, splits, event_weight, "tagging.classes")
    pt, eta = (jet[:, JET_COLUMNS.index(name)] for name in ("pt", "eta"))
    train = splits == TAGGING_SPLITS.index("train")
    spectrum = CommonSpectrum.unchanged(len(classes))
    if settings.common_spectrum:
        spectrum = CommonSpectrum.of(
            label[train], pt[train], eta[train], event_weight[train],
            len(classes), (settings.pt_bins, settings.eta_bins),
        )  # fmt: skip
    weights = spectrum.weights(label, pt, eta, event_weight)
    require_weights(classes, TAGGING_SPLITS, label, splits, weights, "tagging.classes")
    weight = balance(label, splits, weights, len(classes))
    mean, scale = moments(training_particles)
    write_result(
        dataset,
        TaggingDataset(
            classes=classes,
            shards=shards,
            pt_edges=spectrum.pt_edges.tolist(),
            eta_edges=spectrum.eta_edges.tolist(),
            factor=dict(zip(classes, spectrum.factor.tolist(), strict=True)),
            weight={
                name: dict(zip(TAGGING_SPLITS, row, strict=True))
                for name, row in zip(classes, weight.tolist(), strict=True)
            },
            mean=mean.tolist(),
            scale=scale.tolist(),
        ),
    )
    write_result(summary, TaggingSummary(classes=classes, cutflow=cutflow))


def counts(part: dict[str, np.ndarray], own: NDArray[np.bool_]) -> dict[str, int]:
    """What `ClassCutflow` counts of the kept jets of a class in a shard.

    Args:
        part: split, constituents and mask of jets.
        own: which of them are of the class; (jets,).
    """
    before, places = part["constituents"][own], part["mask"][own].sum(axis=1, dtype=np.int64)
    found = {
        "kept": int(own.sum()),
        "truncated": int((before > places).sum()),
        "constituents": int(before.sum()),
        "constituents_kept": int(places.sum()),
    }
    for index, split in enumerate(TAGGING_SPLITS):
        found[split] = int((part["split"][own] == index).sum())
    return found


def _require_jets(name: str, flow: ClassCutflow, split: str) -> None:
    """Raise `EmptySampleError` where a class has no jet in a split."""
    if getattr(flow, split):
        return
    raise EmptySampleError(
        f"Class '{name}': no jet in the {split} split ({flow.jets} jets in its samples, "
        f"{flow.labelled} labelled {name}, {flow.in_pt_window} of them in the window of pT, "
        f"{flow.kept} kept).",
        f"Generate more events of the samples of tagging.classes.{name} (generate.samples), or "
        "widen tagging.features: its window of pT, max_jets_per_class, or splits.",
    )


def balance(label: ArrayLike, split: ArrayLike, weight: ArrayLike, classes: int) -> Float:
    """Factors with which all classes of a split weigh the same, and its jets 1 in the mean.

    Args:
        label, split: (jets,) class and split of each; all classes are in every split.
        weight: (jets,)
        classes: their number.

    Returns:
        (classes, splits).
    """
    shape = classes, len(TAGGING_SPLITS)
    sums = sums_of(label, split, weight, shape)
    jets = sums_of(label, split, np.ones(np.shape(label)), shape)
    return np.asarray(jets.sum(axis=0) / (classes * sums))


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
