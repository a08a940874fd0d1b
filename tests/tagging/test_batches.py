"""Batches of jets: rows of all shards that belong together, the same each time, read when asked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from helpers.jetgraphs import toy_jets
from helpers.tagging import Made, make_dataset, random_jets, whole
from jetchain.core.errors import DataError
from jetchain.core.io.mapped import Mapped
from jetchain.core.io.tensors import read_tensors, write_tensors
from jetchain.core.schema.graphs import CONSTITUENT_COLUMNS, JET_COLUMNS, JET_GRAPHS
from jetchain.core.schema.jets import JET_CLASSES
from jetchain.core.schema.tagging import TAGGING_FEATURES, TAGGING_JETS, TAGGING_SPLITS
from jetchain.core.training import minibatches
from jetchain.tagging import batches
from jetchain.tagging.batches import HIGH_LEVEL, JetReader, Jets
from jetchain.tagging.features import inputs, padded
from jetchain.tagging.preprocessing import Preprocess, preprocessing
from jetchain.tagging.settings import FeatureSettings

PLACES, SIZE, AHEAD = 24, 16, 3
SHARDS = 3


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Three shards a class, each with its own event numbers."""
    folder = tmp_path_factory.mktemp("batches")
    graphs = []
    for name in JET_CLASSES:
        for shard in range(SHARDS):
            table = toy_jets(name, 40, seed=shard)
            table["event_number"] += 100 * shard
            graphs.append(folder / "graphs" / name / f"{shard:04d}.safetensors")
            write_tensors(graphs[-1], JET_GRAPHS, table)
    return make_dataset(folder, graphs, FeatureSettings(particles=PLACES))


@pytest.fixture(autouse=True)
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "AHEAD", AHEAD)


def epoch(made: Made, split: str, seed: int | None) -> list[Jets]:
    shuffle = None if seed is None else np.random.default_rng(seed)
    return list(JetReader(**made).split(split).batches(SIZE, shuffle))


@pytest.mark.parametrize("seed", [None, 4])
def test_what_a_batch_says_of_a_jet_is_what_its_graph_says(made: Made, seed: int | None) -> None:
    """Every column against the jet graphs, found again by class, event and index of the jet."""
    graphs = {
        (label, shard): read_tensors(
            made["dataset"].parent / "graphs" / name / f"{shard:04d}.safetensors", JET_GRAPHS
        )
        for label, name in enumerate(JET_CLASSES)
        for shard in range(SHARDS)
    }
    index = JetReader(**made).index
    preprocess = Preprocess(preprocessing(index, "full", "measured"))
    place = {name: n for n, name in enumerate(CONSTITUENT_COLUMNS)}
    mixed = 0
    for batch in epoch(made, "train", seed):
        assert len(batch) <= SIZE
        mixed = max(
            mixed,
            len(
                {
                    (int(a), int(b) // 100)
                    for a, b in zip(batch.label, batch.event_number, strict=True)
                }
            ),
        )
        for n in range(len(batch)):
            label, event = int(batch.label[n]), int(batch.event_number[n])
            table = graphs[label, event // 100]
            same = (table["event_number"] == event) & (
                table["jet_index"] == int(batch.jet_index[n])
            )
            (row,) = np.flatnonzero(same & (table["label"] == label))
            bounds = table["constituent_offset"][row : row + 2]
            flat = table["constituents"][slice(*bounds)][:PLACES].copy()
            if table["jet"][row, JET_COLUMNS.index("eta")] <= 0:
                flat[:, place["delta_eta"]] *= -1
            ends, mask = np.array([0, len(flat)]), np.arange(PLACES) < len(flat)
            raw = padded(flat, ends, PLACES)
            features = padded(inputs(flat, table["jet"][[row]], ends[1:]), ends, PLACES)
            made_of = torch.from_numpy(features)
            expected = {
                "points": raw[0][:, [place["delta_eta"], place["delta_phi"]]],
                "momentum": raw[0][:, [place[x] for x in ("px", "py", "pz", "e")]],
                "track": raw[0][:, [place[x] for x in ("d0", "z0", "d0_err", "z0_err")]],
                "charge": raw[0][:, place["charge"]],
                "identity": raw[0][:, [i for x, i in place.items() if x.startswith("is_")]],
                "mask": mask,
                "jet": table["jet"][row],
                "features": preprocess(made_of, torch.from_numpy(mask[None]))[0],
            }
            named = dict(zip(HIGH_LEVEL, batch.high_level[n].tolist(), strict=True))
            assert named["constituents"] == table["multiplicity"][row]
            assert named["m"] == table["jet"][row, JET_COLUMNS.index("m")]
            for name, value in expected.items():
                np.testing.assert_array_equal(getattr(batch, name)[n], value, err_msg=name)
            pt, eta = (table["jet"][row, JET_COLUMNS.index(name)] for name in ("pt", "eta"))
            cell = (
                min(np.searchsorted(edges, value, side="right"), len(edges) - 1) - 1
                for edges, value in ((index.pt_edges, pt), (index.eta_edges, abs(eta)))
            )
            factor = np.array(index.factor[JET_CLASSES[label]])[tuple(cell)]
            factor *= index.weight[JET_CLASSES[label]]["train"] * table["weight"][row]
            assert float(batch.weight[n]) == pytest.approx(factor, rel=1e-6)
    # Shuffled, a batch has jets of many shards; in their order, of a few.
    assert (mixed > 8) == (seed is not None)


def test_an_epoch_has_each_jet_of_its_split_once_in_the_order_of_minibatches(made: Made) -> None:
    data = whole(made)
    for number, split in enumerate(TAGGING_SPLITS):
        expected = data["momentum"][data["split"] == number]
        order = np.concatenate(list(minibatches(len(expected), SIZE, np.random.default_rng(9))))
        got = torch.cat([batch.momentum for batch in epoch(made, split, 9)])
        np.testing.assert_array_equal(got, expected[order])


def test_epochs_repeat_and_differ_by_their_generator(made: Made) -> None:
    one, same, other = (
        torch.cat([batch.features for batch in epoch(made, "train", seed)]) for seed in (1, 1, 2)
    )
    assert one.numpy().tobytes() == same.numpy().tobytes()
    assert one.numpy().tobytes() != other.numpy().tobytes()


def test_only_what_is_asked_for_is_read_and_a_window_at_a_time(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that the memory does not grow with the number of jets, nor with columns not used."""
    training = JetReader(**made).split("train")
    read: list[tuple[int, set[str]]] = []
    original = Mapped.rows

    def spy(self: Mapped, indices: np.ndarray, names: list[str]) -> dict[str, np.ndarray]:
        read.append((len(indices), set(names)))
        return original(self, indices, names)

    monkeypatch.setattr(Mapped, "rows", spy)
    number = sum(1 for _ in training.batches(SIZE, np.random.default_rng(1)))
    assert number == -(-len(training) // SIZE)
    assert read == []
    for batch in training.batches(SIZE, np.random.default_rng(1)):
        _ = batch.features, batch.mask, batch.label, batch.weight, batch.charge
    assert {frozenset(names) for _, names in read} == {frozenset({"features", "mask"})}
    assert max(rows for rows, _ in read) == AHEAD * SIZE < len(training)
    assert len(read) == -(-len(training) // (AHEAD * SIZE))


def test_chosen_jets_replaced_tensors_and_the_device(made: Made) -> None:
    jets = JetReader(**made).split("test")
    rows = np.array([7, 2, 7])
    chosen = jets[rows]
    np.testing.assert_array_equal(chosen.jet, jets.jet[rows])
    np.testing.assert_array_equal(chosen[np.array([1])].points, jets.points[[2]])
    other = torch.zeros_like(chosen.features)
    replaced = chosen.replace(features=other)
    assert replaced.features is other
    assert replaced[np.array([0])].features.shape == (1, PLACES, len(TAGGING_FEATURES))
    assert chosen.features.any()
    np.testing.assert_array_equal(replaced.track, chosen.track)
    moved = chosen.to("meta")
    assert moved.mask.device == moved.features.device == torch.device("meta")
    assert next(iter(moved.batches(2))).jet.device == torch.device("meta")


def test_ratios_of_subjettiness_are_those_of_their_parts() -> None:
    jets = random_jets([3, 2], 4)
    tau = {n: jets.jet[:, JET_COLUMNS.index(f"tau{n}")] for n in (1, 2, 3)}
    found = dict(zip(HIGH_LEVEL, jets.high_level.T, strict=True))
    torch.testing.assert_close(found["tau21"], tau[2] / tau[1])
    torch.testing.assert_close(found["tau32"], tau[3] / tau[2])
    # A jet of one particle has none.
    assert (jets.replace(jet=torch.zeros_like(jets.jet)).high_level[:, :7] == 0).all()


def test_jets_without_a_column_say_so() -> None:
    jets = random_jets([3, 2], 4)
    with pytest.raises(DataError, match="have no 'points'"):
        _ = Jets.of(features=jets.features, mask=jets.mask).points


def test_the_truth_of_the_tracks_is_that_of_the_jet_graphs(made: Made) -> None:
    jets, data = JetReader(**made).split("test"), whole(made)
    np.testing.assert_array_equal(jets.truth, data["truth"][data["split"] == 2])
    assert (jets.truth[~jets.mask] == -1).all()
    name = JET_CLASSES[0]
    path = made["dataset"].parent / "graphs" / name / "0000.safetensors"
    graphs = read_tensors(path, JET_GRAPHS)
    pt = graphs["jet"][:, JET_COLUMNS.index("pt")]
    row = np.flatnonzero((graphs["label"] == 0) & (pt > 500) & (pt < 1000))[0]
    start = graphs["constituent_offset"][row]
    first = read_tensors(made["jets"][0], TAGGING_JETS)
    length = int(first["mask"][0].sum())
    np.testing.assert_array_equal(
        first["truth"][0][:length], graphs["constituent_truth"][start : start + length]
    )


def test_other_shards_than_those_joined_are_refused(made: Made, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="joins other shards"):
        JetReader(made["dataset"], made["jets"][:-1])
    longer = tmp_path / made["jets"][0].parent.name / made["jets"][0].name
    table = read_tensors(made["jets"][0], TAGGING_JETS)
    write_tensors(longer, TAGGING_JETS, {name: x[:-1] for name, x in table.items()})
    with pytest.raises(DataError, match="have other jets"):
        JetReader(made["dataset"], [longer, *made["jets"][1:]])
