"""Exported graphs: what they give is what the network gives, for any number of jets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from helpers.tagging import random_jets
from jetchain.core.io.tables import read_result
from jetchain.core.io.tensors import write_weights
from jetchain.core.schema.tagging import (
    FEATURE_SETS,
    ExportReport,
    Preprocessing,
    TrainedTagger,
)
from jetchain.tagging.batches import Jets
from jetchain.tagging.export import Whole, export, exported, made_up
from jetchain.tagging.models import MODELS
from jetchain.tagging.networks import build
from jetchain.tagging.preprocessing import LIMIT
from jetchain.tagging.rows import Rows
from jetchain.tagging.settings import TaggingSettings

PLACES = 12


def plain(names: Sequence[str]) -> Preprocessing:
    number = len(names)
    return Preprocessing(
        features=list(names),
        mean=np.linspace(-0.5, 0.5, number),
        scale=np.linspace(0.5, 2, number),
        low=np.full(number, -LIMIT),
        high=np.full(number, LIMIT),
    )


@pytest.fixture
def weights(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """An untrained tagger, as if it were trained."""
    settings = MODELS.decode(request.param, {})
    feature_set = settings.feature_set or "full"
    names = FEATURE_SETS[feature_set]
    number = len(names)
    torch.manual_seed(4)
    about = TrainedTagger(
        tagger=request.param,
        settings=settings.model_dump(),
        feature_set=feature_set,
        preprocessing=plain(names),
        classes=["a", "b", "c"],
        particles=PLACES,
        training_jets=1,
    )
    write_weights(tmp_path / "w", build(request.param, settings, inputs=number, classes=3), about)
    return tmp_path / "w"


@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("lengths", [[3, 1, 2], [4, 4, 4], [0, 4, 1]])
def test_rows_are_taken_spread_and_summed(lengths: list[int], dense: bool) -> None:
    mask = torch.arange(4) < torch.tensor(lengths)[:, None]
    values = torch.randn(3, 4, 2, generator=torch.Generator().manual_seed(1))
    rows, real = Rows(mask, dense), values * mask[..., None]
    taken = rows.take(values)
    assert len(taken) == rows.count == (12 if dense else sum(lengths))
    torch.testing.assert_close(rows.spread(taken), real)
    torch.testing.assert_close(rows.total(taken), real.sum(dim=1))
    # The number of each place is that of its row; of padding, that after the last.
    padded = torch.cat([taken, torch.zeros(1, 2)])
    torch.testing.assert_close(padded[rows.number], real)


@pytest.mark.parametrize("name", MODELS)
def test_places_and_rows_give_the_same(name: str) -> None:
    """With padding among the rows, as an exported graph has it, and without; also of one jet."""
    jets = random_jets([PLACES, 5, 1, 8], PLACES, dtype=torch.float64)
    torch.manual_seed(3)
    network = build(name, {}, inputs=17, classes=4).double().eval()
    names = ("points", "features", "raw", "momentum", "track", "mask", "jet")
    with torch.no_grad():
        # What stands in the padding does not matter.
        tensors = {each: getattr(jets, each) for each in names}
        tensors["constituents"] = torch.tensor([PLACES, 5, 1, 8])
        for each in ("points", "features"):
            tensors[each] = tensors[each] + 3.0 * ~jets.mask[..., None]
        dense = network(Jets.of_places(**tensors))
        torch.testing.assert_close(dense, network(jets), atol=1e-10, rtol=0)
        full = random_jets([PLACES] * 3, PLACES, dtype=torch.float64)
        alone = torch.cat([network(full[np.array([n])]) for n in range(3)])
        torch.testing.assert_close(alone, network(full), atol=1e-10, rtol=0)


# Of the default ones, whose networks are others than that of another.
WRITTEN = [name for name in TaggingSettings().taggers if name not in ("efn", "pfn_kinematics")]

# Small ones of the same kind, for jets of few particles.
SMALL: dict[str, dict[str, Any]] = {
    "lgn": {"channels": [1, 1, 1], "depth": 1, "bells": 2},
    "lorentznet": {"layers": 2},
    "part": {"layers": 1},
    "pcnn": {"channels": [[4], [4], [4]]},
    "rpcn": {"convolutions": 1},
    **{name: {"neighbours": 2, "layers": 1} for name in MODELS if name.startswith("graph_")},
    **{name: {"blocks": 1} for name in ("lgatr", "lloca", "pelican")},
    "pct": {"neighbours": 2},
}


@pytest.mark.shared
@pytest.mark.parametrize("name", [name for name in MODELS if name not in WRITTEN])
def test_the_graph_of_every_tagger_is_that_of_the_network_for_any_number_of_jets(name: str) -> None:
    """What ONNX files are written from; that of all is not written here, which takes minutes."""
    torch.manual_seed(4)
    settings = MODELS.decode(name, SMALL.get(name, {}))
    names = FEATURE_SETS[settings.feature_set or "full"]
    network = build(name, settings, inputs=len(names), classes=3)
    about = TrainedTagger(
        tagger=name, settings={}, feature_set="full", preprocessing=plain(names),
        classes=["a", "b", "c"], particles=4, training_jets=1,
    )  # fmt: skip
    whole = Whole(network.eval(), about)
    some, fewer = (made_up(n, 4, np.random.default_rng(n)) for n in (4, 3))
    with torch.no_grad():
        found = exported(whole, some).module()(*fewer)
        torch.testing.assert_close(found, whole(*fewer), atol=1e-6, rtol=0)


@pytest.mark.parametrize("weights", WRITTEN, indirect=True)
def test_the_onnx_graph_is_written_and_compared(weights: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    export(weights=weights, graph=tmp_path / "g.onnx", report=tmp_path / "r.json", seed=1)
    report = read_result(tmp_path / "r.json", ExportReport)
    assert report.largest_difference < 1e-5
    assert report.classes == ["a", "b", "c"]
    assert {"features", "mask"} <= set(report.inputs)
    assert (tmp_path / "g.onnx").stat().st_size > 1000
