"""Toy tagging data sets, and batches of random jets."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import torch
from torch import nn

from helpers.jetgraphs import write_toy_samples
from jetchain.core.io.tables import write_result
from jetchain.core.io.tensors import read_tensors, write_tensors
from jetchain.core.schema.graphs import JET_COLUMNS
from jetchain.core.schema.jets import JET_CLASSES
from jetchain.core.schema.tagging import (
    TAGGING_FEATURES,
    TAGGING_JETS,
    TAGGING_SCORES,
    TaggerMetrics,
)
from jetchain.core.settings import Settings
from jetchain.tagging.batches import CHARGE, IDENTITY, JetReader, Jets
from jetchain.tagging.class_settings import CLASSES, ClassSettings, PairSettings, samples_of
from jetchain.tagging.dataset import dataset
from jetchain.tagging.evaluate import figures_of_merit
from jetchain.tagging.features import features
from jetchain.tagging.networks import build
from jetchain.tagging.scored import Scored
from jetchain.tagging.settings import (
    ChoiceJobSettings,
    DatasetSettings,
    FeatureSettings,
    SelectionJobSettings,
)

CLASS_NUMBER = len(JET_CLASSES)
SHAPE = {"inputs": len(TAGGING_FEATURES), "classes": CLASS_NUMBER}


class Made(TypedDict):
    """The files of a data set, as the verbs take them."""

    dataset: Path
    jets: list[Path]


def make_dataset(
    folder: Path,
    graphs: list[Path],
    settings: FeatureSettings,
    classes: dict[str, ClassSettings] = CLASSES,
) -> Made:
    """The data set of some shards of jet graphs; its summary is ``<folder>/summary.json``."""
    values: dict[str, Any] = {**settings.model_dump(), "classes": classes}
    jets = []
    selection, joining = (
        kind(**{name: values[name] for name in kind.model_fields})
        for kind in (SelectionJobSettings, DatasetSettings)
    )
    for path in graphs:
        made = folder / "jets" / path.parent.name / path.name
        features(
            graphs=path, jets=made, cutflow=made.with_suffix(".json"), settings=selection,
            sample=path.parent.name,
        )  # fmt: skip
        jets.append(made)
    index = folder / "dataset.json"
    dataset(
        jets=jets, cutflows=[path.with_suffix(".json") for path in jets], dataset=index,
        summary=folder / "summary.json", settings=joining,
    )  # fmt: skip
    return {"dataset": index, "jets": jets}


def whole(made: Made) -> dict[str, np.ndarray]:
    """All rows of the shards, classes in their order."""
    samples = samples_of(CLASSES)
    paths = sorted(made["jets"], key=lambda path: (samples.index(path.parent.name), path))
    tables = [read_tensors(path, TAGGING_JETS) for path in paths]
    return {name: np.concatenate([each[name] for each in tables]) for name in tables[0]}


def random_jets(
    lengths: list[int], places: int, seed: int = 1, dtype: torch.dtype = torch.float32
) -> Jets:
    """Jets with the given numbers of particles, of all that a network may ask for; padding is 0."""
    random = torch.Generator().manual_seed(seed)
    mask = torch.arange(places) < torch.tensor(lengths)[:, None]
    shape = (len(lengths), places)
    features = torch.randn(*shape, len(TAGGING_FEATURES), generator=random)
    features[..., CHARGE] = torch.randint(-1, 2, shape, generator=random).float()
    kind = torch.randint(0, len(IDENTITY), shape, generator=random)
    features[..., IDENTITY] = torch.nn.functional.one_hot(kind, len(IDENTITY)).float()
    momentum = torch.randn(*shape, 3, generator=random)
    energy = (momentum.square().sum(dim=-1, keepdim=True) + 0.02).sqrt()
    values = {
        "points": torch.randn(*shape, 2, generator=random),
        "features": features,
        "raw": features,
        "momentum": torch.cat([momentum, energy], dim=-1),
        "track": torch.randn(*shape, 4, generator=random).abs(),
    }
    return Jets.of(
        **{name: (value * mask[..., None]).to(dtype) for name, value in values.items()},
        mask=mask,
        truth=torch.randint(0, 3, (*shape, 2), generator=random),
        jet=torch.rand(len(lengths), len(JET_COLUMNS), generator=random).to(dtype),
        constituents=torch.tensor(lengths),
        label=torch.arange(len(lengths)) % len(CLASSES),
        weight=torch.ones(len(lengths)),
    )


def fresh(name: str, settings: Settings | None = None) -> nn.Module:
    """A network whose batch norms have seen data and whose affine parameters are not trivial.

    One that is not trained by steps along a gradient is fitted to some jets.
    """
    torch.manual_seed(2)
    network = build(name, settings or {}, **SHAPE)
    if hasattr(network, "fit"):
        training, validation = (labelled_jets(300, seed) for seed in (1, 2))
        network.fit(training, validation, 3)
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.2)
            nn.init.normal_(module.running_mean, std=0.2)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
    return network.eval()


def labelled_jets(jets: int, seed: int) -> Jets:
    """Random jets whose masses and angles depend on the class."""
    made = random_jets([6] * jets, 6, seed)
    scale = 0.1 * (1 + made.label)
    return made.replace(
        jet=made.jet + 0.1 * made.label[:, None], points=made.points * scale[:, None, None]
    )


COMPARED = ChoiceJobSettings(
    bootstrap_replicas=10, radius=0.8,
    pairs={"top_vs_quark": PairSettings(signal="top", background={"quark": 1.0})},
)  # fmt: skip


def compared_files(folder: Path) -> dict[str, Any]:
    """What compares a tagger that knows something of its test jets with itself on the same jets."""
    graphs = write_toy_samples(folder / "graphs", 60)
    settings = FeatureSettings(particles=8, test_fraction=0.5, validation_fraction=0.2)
    made = make_dataset(folder / "tagging", graphs, settings)
    reader = JetReader(made["dataset"], made["jets"])
    test = reader.split("test")
    # Samples are those of the classes here.
    assert reader.samples("test").tolist() == [JET_CLASSES[n] for n in test.label.tolist()]
    random = np.random.default_rng(2)
    label, weight = test.label.numpy(), test.weight.double().numpy()
    logit = np.eye(CLASS_NUMBER)[label] + random.normal(size=(len(label), CLASS_NUMBER))
    probability = np.exp(logit) / np.exp(logit).sum(axis=1, keepdims=True)
    table = {
        "event_number": test.event_number.numpy(), "jet_index": test.jet_index.numpy(),
        "label": label, "weight": weight, "jet": test.jet.numpy(),
        "probability": probability.astype(np.float32),
    }  # fmt: skip
    write_tensors(folder / "scores.safetensors", TAGGING_SCORES, table)
    merits = figures_of_merit(Scored(label, probability, weight, JET_CLASSES), {}, 5, 1)
    about = TaggerMetrics(
        **dict(merits),
        model="pfn",
        feature_set="full",
        sees="full",
        parameters=1,
        flops=1,
        training_jets=1,
    )
    write_result(folder / "metrics.json", about)
    scores = [folder / "scores.safetensors"]
    return {
        "dataset": made["dataset"], "jets": made["jets"], "other_dataset": made["dataset"],
        "other_jets": made["jets"], "metrics": [folder / "metrics.json"],
        "reference": scores, "applied": scores,
    }  # fmt: skip
