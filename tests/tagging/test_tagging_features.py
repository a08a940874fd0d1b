"""The tagging data set: features by hand, symmetries, splits without leakage, refusals."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch

from helpers.jetgraphs import toy_jets, write_toy_samples
from helpers.tagging import Made, make_dataset, whole
from jetchain.core.errors import DataError, EmptySampleError
from jetchain.core.io.mapped import Mapped
from jetchain.core.io.tables import read_result
from jetchain.core.io.tensors import read_tensors, write_tensors
from jetchain.core.schema.graphs import CONSTITUENT_COLUMNS, JET_COLUMNS, JET_GRAPHS
from jetchain.core.schema.jets import JET_CLASSES
from jetchain.core.schema.tagging import (
    FEATURE_SETS,
    TAGGING_FEATURES,
    TAGGING_JETS,
    TAGGING_SPLITS,
    TaggingDataset,
    TaggingSummary,
)
from jetchain.tagging import features as features_module
from jetchain.tagging.batches import JetReader
from jetchain.tagging.class_settings import CLASSES, ClassSettings
from jetchain.tagging.dataset import STANDARDISED, balance, moments
from jetchain.tagging.features import features, inputs, lay_out, padded, splits
from jetchain.tagging.preprocessing import Preprocess, preprocessing
from jetchain.tagging.settings import FeatureSettings, SelectionJobSettings, SelectionSettings

FLOAT32 = 2e-5


def constituent(**columns: float) -> np.ndarray:
    """One constituent, (1, columns); columns not given are 0."""
    return np.array([[columns.get(name, 0.0) for name in CONSTITUENT_COLUMNS]])


def jet(**columns: float) -> np.ndarray:
    """One jet, (1, columns); columns not given are 0."""
    return np.array([[columns.get(name, 0.0) for name in JET_COLUMNS]])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tagging")


@pytest.fixture(scope="module")
def made(folder: Path) -> Made:
    """The data set of 120 toy jets a class, whose graphs lie in ``graphs``."""
    graphs = write_toy_samples(folder / "graphs", 120)
    return make_dataset(folder, graphs, FeatureSettings(particles=32))


def test_features_by_hand() -> None:
    """A 3-4-12 GeV muon in a jet with pT 10 GeV at eta = 0 and mass 24 GeV: E(jet) = 26 GeV."""
    particle = constituent(
        px=3, py=4, pz=12, e=13, charge=-1, is_muon=1, d0=0.5, z0=-2.0, d0_err=0.01, z0_err=0.02,
        delta_eta=0.3, delta_phi=-0.4,
    )  # fmt: skip
    result = inputs(particle, jet(pt=10, m=24), np.array([1]))[0]
    expected = {
        "delta_eta": 0.3, "delta_phi": -0.4, "log_pt": 1.6094379, "log_e": 2.5649494,
        "log_pt_relative": -0.6931472, "log_e_relative": -0.6931472, "delta_r": 0.5,
        "charge": -1, "is_electron": 0, "is_muon": 1, "is_photon": 0, "is_charged_hadron": 0,
        "is_neutral_hadron": 0, "tanh_d0": 0.46211716, "tanh_z0": -0.96402758, "d0_err": 0.01,
        "z0_err": 0.02,
    }  # fmt: skip
    np.testing.assert_allclose(
        result, [expected[name] for name in TAGGING_FEATURES], rtol=0, atol=1e-6
    )


@pytest.mark.parametrize("shift", ["eta", "phi"])
def test_translation_invariance(shift: str) -> None:
    """A rotation about the beam changes no feature; a boost along it only those with an energy."""
    table = toy_jets("W", 20, seed=5)
    raw, whole = table["constituents"].astype(float), table["jet"].astype(float)
    lengths = np.diff(table["constituent_offset"])
    column = {name: i for i, name in enumerate(CONSTITUENT_COLUMNS)}
    x, y, z, e = (raw[..., column[name]].copy() for name in ("px", "py", "pz", "e"))
    moved, moved_whole = raw.copy(), whole.copy()
    if shift == "phi":
        moved[..., column["px"]] = x * np.cos(1.1) - y * np.sin(1.1)
        moved[..., column["py"]] = x * np.sin(1.1) + y * np.cos(1.1)
        moved_whole[:, JET_COLUMNS.index("phi")] += 1.1
    else:
        moved[..., column["pz"]] = z * np.cosh(0.7) + e * np.sinh(0.7)
        moved[..., column["e"]] = e * np.cosh(0.7) + z * np.sinh(0.7)
        moved_whole[:, JET_COLUMNS.index("eta")] += 0.7
    unmoved, result = inputs(raw, whole, lengths), inputs(moved, moved_whole, lengths)
    same = [shift == "phi" or name not in ("log_e", "log_e_relative") for name in TAGGING_FEATURES]
    np.testing.assert_allclose(result[..., same], unmoved[..., same], rtol=0, atol=FLOAT32)
    if shift == "eta":
        assert np.abs(result - unmoved)[..., ~np.array(same)].max() > 0.1


def test_padding_is_zero_and_truncation_keeps_the_leading() -> None:
    flat = np.arange(14.0).reshape(7, 2)
    rows = padded(flat, np.array([0, 2, 2, 3, 7]), 3)
    np.testing.assert_array_equal(rows[0], [[0, 1], [2, 3], [0, 0]])
    np.testing.assert_array_equal(rows[1], np.zeros((3, 2)))
    np.testing.assert_array_equal(rows[3], flat[3:6])
    swapped = padded(flat, np.array([0, 2, 7]), 3, columns=[1, 0, 1], empty=-1)
    np.testing.assert_array_equal(swapped[0], [[1, 0, 1], [3, 2, 3], [-1, -1, -1]])


def test_a_particle_without_energy_is_refused() -> None:
    with pytest.raises(DataError, match="no positive pT or energy"):
        inputs(constituent(px=1, e=0), jet(pt=1), np.array([1]))


def test_features_are_those_of_their_own_jet_across_blocks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Blocks that cut jets in two, and jets without constituents, give what each jet alone does."""
    table = toy_jets("W", 6, seed=5)
    offset = table["constituent_offset"]
    offset = np.insert(offset, [0, 3, 7], offset[[0, 3, 6]])
    whole = np.insert(table["jet"], [0, 3, 6], 7.0, axis=0)
    monkeypatch.setattr("jetchain.tagging.features.BLOCK", 11)
    together = inputs(table["constituents"], whole, np.diff(offset))
    for row in range(len(whole)):
        some = slice(offset[row], offset[row + 1])
        alone = inputs(table["constituents"][some], whole[[row]], np.diff(offset[row : row + 2]))
        np.testing.assert_array_equal(together[some], alone)


def test_no_event_stands_in_two_splits(made: Made) -> None:
    data = whole(made)
    homes: dict[tuple[int, int], set[int]] = {}
    for label, number, split in zip(
        data["label"], data["event_number"], data["split"], strict=True
    ):
        homes.setdefault((int(label), int(number)), set()).add(int(split))
    assert max(len(home) for home in homes.values()) == 1
    # The check has something to catch: most events gave two jets.
    assert len(data["label"]) > 1.5 * len(homes)


def test_splits_follow_the_shares_and_the_identity() -> None:
    settings = FeatureSettings(validation_fraction=0.1, test_fraction=0.3)
    number = np.arange(20000)
    found = splits("top", number, settings)
    np.testing.assert_allclose(np.bincount(found) / len(found), [0.6, 0.1, 0.3], atol=0.012)
    order = np.random.default_rng(1).permutation(len(number))
    np.testing.assert_array_equal(splits("top", number[order], settings), found[order])
    # Other samples with the same numbers are divided independently.
    other = splits("W", number, settings)
    both = np.mean((found == 2) & (other == 2))
    assert both == pytest.approx(0.09, abs=0.01)


def test_a_sample_may_be_of_one_split_as_a_whole() -> None:
    settings = FeatureSettings(splits={"held": "test"})
    number = np.arange(2000)
    assert set(splits("held", number, settings)) == {TAGGING_SPLITS.index("test")}
    np.testing.assert_array_equal(
        splits("top", number, settings), splits("top", number, FeatureSettings())
    )


def test_standardisation_sees_the_training_split_only(made: Made) -> None:
    reader = JetReader(**made)
    data = whole(made)
    chosen = data["split"] == 0
    particles = data["features"][chosen][data["mask"][chosen].astype(bool)].astype(float)
    expected = np.where(STANDARDISED, particles.mean(axis=0), 0)
    np.testing.assert_array_equal(reader.index.mean, expected)
    standardised = (particles - reader.index.mean) / reader.index.scale
    np.testing.assert_allclose(standardised.std(axis=0)[STANDARDISED], 1, atol=1e-6)
    training = reader.split("train")
    inner = np.abs(standardised).max(axis=1) < 4  # where nothing is clipped
    inner &= (particles[:, -2:] < 1).all(axis=1)
    found = training.features[training.mask].double().numpy()
    assert inner.mean() > 0.5
    np.testing.assert_allclose(found[inner], standardised[inner], atol=1e-5)


@pytest.mark.parametrize("parts", [1, 2, 7, 40])
def test_moments_are_those_of_the_whole_however_it_is_divided(parts: int) -> None:
    """Bit by bit: numpy's own mean and standard deviation of all particles at once."""
    values = np.random.default_rng(2).normal(3, 2, (1000, len(TAGGING_FEATURES))).astype("f4")
    values[:, 0] = 1.5
    mean, scale = moments(lambda: iter(np.array_split(values, parts)))
    whole = values.astype(float)
    np.testing.assert_array_equal(mean, np.where(STANDARDISED, whole.mean(axis=0), 0))
    spread = np.where(STANDARDISED, whole.std(axis=0), 1)
    np.testing.assert_array_equal(scale, [1, *spread[1:]])


def test_standardisation_leaves_flags_and_padding(made: Made) -> None:
    jets = JetReader(**made).split("test")
    assert not jets.features[~jets.mask].any()
    assert set(np.unique(jets.features[..., ~STANDARDISED])) == {-1.0, 0.0, 1.0}


def test_classes_weigh_the_same_in_each_split(made: Made) -> None:
    label, split = np.repeat(np.arange(7), 6), np.tile([0, 0, 0, 1, 1, 2], 7)
    weight = np.where(label == 3, 0.5, 2.0)
    expected = np.where(np.arange(7) == 3, 2.0, 0.5)[:, None]
    np.testing.assert_allclose(balance(label, split, weight, 7), np.repeat(expected, 3, axis=1))
    reader = JetReader(**made)
    for split in ("train", "validation", "test"):
        jets = reader.split(split)
        sums = np.bincount(jets.label, jets.weight)
        np.testing.assert_allclose(sums, len(jets) / len(JET_CLASSES), rtol=1e-6)


def test_cutflow_counts_every_jet(made: Made, folder: Path) -> None:
    flow = read_result(folder / "summary.json", TaggingSummary).cutflow
    data = whole(made)
    for index, name in enumerate(JET_CLASSES):
        graphs = read_tensors(folder / "graphs" / name / "0000.safetensors", JET_GRAPHS)
        pt = graphs["jet"][:, JET_COLUMNS.index("pt")]
        window = (graphs["label"] == index) & (pt > 500) & (pt < 1000)
        rows, found = data["label"] == index, flow[name]
        assert found.jets == 120
        assert found.labelled == (graphs["label"] == index).sum() < 120
        assert found.in_pt_window == window.sum() < found.labelled
        assert found.kept == window.sum() == rows.sum()
        assert found.constituents == graphs["multiplicity"][window].sum()
        assert found.truncated == (graphs["multiplicity"][window] > 32).sum() > 0
        assert found.constituents_kept == data["mask"][rows].sum() < found.constituents
        assert found.train + found.validation + found.test == window.sum()


def test_the_cap_takes_the_first_jets_across_shards(tmp_path: Path) -> None:
    graphs = write_toy_samples(tmp_path / "graphs", 60)
    more = write_toy_samples(tmp_path / "more", 60, seed=2)
    for path in more:
        graphs.append(path.rename(tmp_path / "graphs" / path.parent.name / "0001.safetensors"))
    made = make_dataset(tmp_path, graphs, FeatureSettings(max_jets_per_class=80, particles=8))
    flow = read_result(tmp_path / "summary.json", TaggingSummary).cutflow
    index = read_result(made["dataset"], TaggingDataset)
    assert [(each.sample, each.shard) for each in index.shards[:3]] == [
        ("quark", "0000"), ("quark", "0001"), ("gluon", "0000"),
    ]  # fmt: skip
    for name in JET_CLASSES:
        first, second = (each for each in index.shards if each.sample == name)
        assert first.kept == {name: first.jets}
        assert second.kept == {name: 80 - first.jets}
        assert 80 - first.jets < second.jets
        assert flow[name].kept == 80 < flow[name].in_pt_window == first.jets + second.jets
    reader, data = JetReader(**made), whole(made)
    rows = np.concatenate(
        [np.flatnonzero(data["label"] == each)[:80] for each in range(len(JET_CLASSES))]
    )
    for number, split in enumerate(("train", "validation", "test")):
        here = rows[data["split"][rows] == number]
        np.testing.assert_array_equal(reader.split(split).momentum, data["momentum"][here])


def test_the_shards_are_joined_with_the_memory_of_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    original = Mapped.rows

    def spy(self: Mapped, indices: np.ndarray, names: list[str]) -> dict[str, np.ndarray]:
        read.append(len(indices))
        return original(self, indices, names)

    monkeypatch.setattr(Mapped, "rows", spy)
    made = make_dataset(
        tmp_path, write_toy_samples(tmp_path / "graphs", 60), FeatureSettings(particles=8)
    )
    shards = read_result(made["dataset"], TaggingDataset).shards
    kept = [sum(shard.kept.values()) for shard in shards]
    # The graphs' labels and their jets, a shard; then labels, cutflow, means and scales.
    assert read == [*(n for each in kept for n in (60, each)), *(4 * kept)]


def test_an_absent_class_is_named(tmp_path: Path) -> None:
    graphs = write_toy_samples(tmp_path, 60, names=JET_CLASSES[:-1])
    with pytest.raises(
        EmptySampleError, match=r"(?s)'Hcc': no jet in the train .*generate\.samples"
    ):
        make_dataset(tmp_path / "made", graphs, FeatureSettings())
    unlabelled = toy_jets("Hcc", 60, seed=1) | {"label": np.full(60, -1)}
    path = tmp_path / "Hcc" / "0000.safetensors"
    write_tensors(path, JET_GRAPHS, unlabelled)
    with pytest.raises(EmptySampleError, match=r"60 jets in its samples, 0 labelled Hcc"):
        make_dataset(tmp_path / "made", [*graphs, path], FeatureSettings())
    assert not (tmp_path / "made" / "dataset.json").exists()


@pytest.mark.parametrize("weight", [0.0, -1.0, np.nan, np.inf])
def test_weights_that_add_up_to_nothing_are_refused(tmp_path: Path, weight: float) -> None:
    graphs = write_toy_samples(tmp_path, 60, names=JET_CLASSES[:2])
    table = read_tensors(graphs[1], JET_GRAPHS)
    table["weight"] = np.full_like(table["weight"], weight)
    write_tensors(graphs[1], JET_GRAPHS, table)
    with pytest.raises(DataError, match=f"Class '{graphs[1].parent.name}': the weights of its jet"):
        make_dataset(
            tmp_path / "made", graphs, FeatureSettings(),
            {each: CLASSES[each] for each in JET_CLASSES[:2]},
        )  # fmt: skip


def test_a_sample_that_is_no_class_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no class of jets takes 'lhco_signal'"):
        features(
            graphs=tmp_path / "0000.safetensors", jets=tmp_path / "jets",
            cutflow=tmp_path / "cutflow", settings=SelectionJobSettings(classes=CLASSES),
            sample="lhco_signal",
        )  # fmt: skip


OWN = {
    "bare": ClassSettings(samples=["quark", "gluon"]),
    "four_prongs": ClassSettings(samples=["top", "Hbb"], label="top"),
    "higgs": ClassSettings(samples=["Hbb"], label="Hbb"),
}


def test_classes_are_those_of_the_configuration(tmp_path: Path) -> None:
    """Of several samples, of all jets of a sample, and two classes of one sample."""
    graphs = write_toy_samples(tmp_path / "graphs", 60, names=("quark", "gluon", "top", "Hbb"))
    table = read_tensors(graphs[3], JET_GRAPHS)
    table["label"][::2] = JET_CLASSES.index("top")
    write_tensors(graphs[3], JET_GRAPHS, table)
    made = make_dataset(tmp_path, graphs, FeatureSettings(particles=8), OWN)
    index = read_result(made["dataset"], TaggingDataset)
    assert index.classes == ["bare", "four_prongs", "higgs"]
    assert [each.sample for each in index.shards] == ["quark", "gluon", "top", "Hbb"]
    flow = read_result(tmp_path / "summary.json", TaggingSummary).cutflow
    pt = JET_COLUMNS.index("pt")
    tables = [read_tensors(path, JET_GRAPHS) for path in graphs]
    inside = [(each["jet"][:, pt] > 500) & (each["jet"][:, pt] < 1000) for each in tables]
    truth = [each["label"] for each in tables]
    expected = {
        "bare": inside[0].sum() + inside[1].sum(),  # also those that match no parton
        "four_prongs": sum(
            (x & (y == 4)).sum() for x, y in zip(inside[2:], truth[2:], strict=True)
        ),
        "higgs": (inside[3] & (truth[3] == 5)).sum(),
    }
    assert {name: each.kept for name, each in flow.items()} == expected
    reader = JetReader(**made)
    label = np.concatenate([reader.split(name).label for name in ("train", "validation", "test")])
    assert np.bincount(label).tolist() == list(expected.values())
    sums = np.bincount(reader.split("test").label, reader.split("test").weight)
    np.testing.assert_allclose(sums, sums[0], rtol=1e-6)


def test_the_cap_counts_by_class_where_a_shard_has_two(tmp_path: Path) -> None:
    graphs = write_toy_samples(tmp_path / "graphs", 90, names=("top", "Hbb"))
    table = read_tensors(graphs[1], JET_GRAPHS)
    table["label"][::2] = JET_CLASSES.index("top")
    write_tensors(graphs[1], JET_GRAPHS, table)
    classes = {name: OWN[name] for name in ("four_prongs", "higgs")}
    made = make_dataset(
        tmp_path,
        graphs,
        FeatureSettings(particles=8, max_jets_per_class=35, validation_fraction=0.3),
        classes,
    )
    flow = read_result(tmp_path / "summary.json", TaggingSummary).cutflow
    assert [each.kept for each in flow.values()] == [35, 35]
    reader = JetReader(**made)
    sizes = [len(reader.split(name)) for name in ("train", "validation", "test")]
    assert sum(sizes) == 70


def test_a_reflection_of_the_beam_axis_changes_no_feature() -> None:
    """As in JetClass, whose delta_eta has the sign of the jet's eta."""
    table = toy_jets("top", 20, seed=5)
    mirrored = {name: values.copy() for name, values in table.items()}
    for name, columns in (("constituents", CONSTITUENT_COLUMNS), ("jet", JET_COLUMNS)):
        for column in ("pz", "delta_eta", "eta"):
            if column in columns:
                mirrored[name][:, columns.index(column)] *= -1
    one, other = (
        lay_out(each, np.zeros(20, int), "top", SelectionSettings(particles=40))
        for each in (table, mirrored)
    )
    assert np.ptp(np.sign(table["jet"][:, JET_COLUMNS.index("eta")])) == 2
    for name in ("features", "points"):
        np.testing.assert_array_equal(one[name], other[name])
    # A particle farther out than the axis is at positive delta_eta.
    outer = np.abs(table["constituents"][0, CONSTITUENT_COLUMNS.index("pz")])
    pt = np.hypot(*table["constituents"][0, :2])
    away = np.arcsinh(outer / pt) - abs(table["jet"][0, JET_COLUMNS.index("eta")])
    assert one["features"][0, 0, 0] == pytest.approx(away, abs=1e-4)


def test_inputs_are_clipped_as_in_weaver(made: Made) -> None:
    """(x - a) b clipped to [-5, 5]; errors of distances to [0, 1] before: JetClass_full.yaml."""
    index = read_result(made["dataset"], TaggingDataset)
    raw = torch.randn(2, 3, len(TAGGING_FEATURES), generator=torch.Generator().manual_seed(1)) * 9
    mask = torch.tensor([[True, True, False], [True, True, True]])
    found = Preprocess(preprocessing(index, "full", "jetclass"))(raw, mask)
    weaver = {
        "log_pt": (1.7, 0.7), "log_e": (2.0, 0.7), "log_pt_relative": (-4.7, 0.7),
        "log_e_relative": (-4.7, 0.7), "delta_r": (0.2, 4.0),
    }  # fmt: skip
    for n, name in enumerate(TAGGING_FEATURES):
        low, high = (0, 1) if name.endswith("_err") else (-5, 5)
        a, b = weaver.get(name, (0, 1))
        expected = ((raw[..., n] - a) * b).clamp(low, high) * mask
        torch.testing.assert_close(found[..., n], expected)
    for name, number in (("kinematics", 7), ("identity", 13), ("full", 17)):
        how = preprocessing(index, name, "measured")
        found = Preprocess(how)(raw, mask)
        assert how.features == list(FEATURE_SETS[name])
        assert found.shape == (2, 3, number)
        assert found.abs().max() <= 5
    # Measured: an error of 0 and of 1 mm are the ends.
    column = TAGGING_FEATURES.index("d0_err")
    ends = raw.clone()
    ends[..., column] = torch.tensor([-1.0, 0.0, 0.5])
    found = Preprocess(preprocessing(index, "full", "measured"))(ends, torch.ones(2, 3).bool())
    assert found[0, 0, column] == found[0, 1, column]


def test_a_shard_is_laid_out_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is the same byte for byte, and the memory that of a part."""
    (graphs,) = write_toy_samples(tmp_path / "graphs", 400, names=("top",))
    settings = SelectionJobSettings(particles=64, classes=CLASSES)

    def run(name: str, part: int) -> int:
        monkeypatch.setattr(features_module, "PART", part)
        tracemalloc.start()
        features(
            graphs=graphs, jets=tmp_path / name, cutflow=tmp_path / "cutflow", settings=settings,
            sample="top",
        )  # fmt: skip
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    peaks = {part: run(str(part), part) for part in (1000, 37)}
    assert (tmp_path / "1000").read_bytes() == (tmp_path / "37").read_bytes()
    assert peaks[37] < 0.3 * peaks[1000]
    table = read_tensors(tmp_path / "37", TAGGING_JETS)
    write_tensors(tmp_path / "whole", TAGGING_JETS, table)
    again = read_tensors(tmp_path / "whole", TAGGING_JETS)
    assert all((again[name] == values).all() for name, values in table.items())
