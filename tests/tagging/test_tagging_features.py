"""The tagging data set: features by hand, symmetries, splits without leakage, refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from helpers.jetgraphs import toy_jets, write_toy_samples
from jetchain.core.errors import DataError, EmptySampleError
from jetchain.core.io.tables import read_json
from jetchain.core.io.tensors import read_tensors, write_tensors
from jetchain.core.schema.graphs import CONSTITUENT_COLUMNS, JET_COLUMNS, JET_GRAPHS
from jetchain.core.schema.jets import JET_CLASSES
from jetchain.core.schema.tagging import TAGGING_DATASET, TAGGING_FEATURES
from jetchain.core.settings import parse
from jetchain.tagging.features import (
    STANDARDISED,
    balance,
    features,
    inputs,
    moments,
    padded,
    splits,
    standardise,
)
from jetchain.tagging.settings import FeatureSettings, TaggingSettings

FLOAT32 = 2e-5


def constituent(**columns: float) -> np.ndarray:
    """One jet of one constituent, (1, 1, columns); columns not given are 0."""
    return np.array([[[columns.get(name, 0.0) for name in CONSTITUENT_COLUMNS]]])


def jet(**columns: float) -> np.ndarray:
    """One jet, (1, columns); columns not given are 0."""
    return np.array([[columns.get(name, 0.0) for name in JET_COLUMNS]])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The data set of 120 toy jets a class, and the graphs it is made of."""
    folder = tmp_path_factory.mktemp("tagging")
    graphs = write_toy_samples(folder / "graphs", 120)
    paths = {"dataset": folder / "dataset.safetensors", "summary": folder / "summary.json"}
    features(graphs=graphs, settings=FeatureSettings(particles=32), **paths)
    return paths | {"graphs": folder / "graphs"}


def test_features_by_hand() -> None:
    """A 3-4-12 GeV muon in a jet with pT 10 GeV at eta = 0 and mass 24 GeV: E(jet) = 26 GeV."""
    particle = constituent(
        px=3, py=4, pz=12, e=13, charge=-1, is_muon=1, d0=0.5, z0=-2.0, d0_err=0.01, z0_err=0.02,
        delta_eta=0.3, delta_phi=-0.4,
    )  # fmt: skip
    result = inputs(particle, jet(pt=10, m=24), np.array([[True]]))[0, 0]
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
    raw, mask = padded(table["constituents"], table["constituent_offset"], np.arange(20), 40)
    raw, whole = raw.astype(float), table["jet"].astype(float)
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
    unmoved, result = inputs(raw, whole, mask), inputs(moved, moved_whole, mask)
    same = [shift == "phi" or name not in ("log_e", "log_e_relative") for name in TAGGING_FEATURES]
    np.testing.assert_allclose(result[..., same], unmoved[..., same], rtol=0, atol=FLOAT32)
    if shift == "eta":
        assert np.abs(result - unmoved)[..., ~np.array(same)].max() > 0.1


def test_padding_is_zero_and_truncation_keeps_the_leading() -> None:
    flat = np.arange(14.0).reshape(7, 2)
    rows, mask = padded(flat, np.array([0, 2, 3, 7]), np.array([0, 2]), 3)
    np.testing.assert_array_equal(mask, [[True, True, False], [True, True, True]])
    np.testing.assert_array_equal(rows[0], [[0, 1], [2, 3], [0, 0]])
    np.testing.assert_array_equal(rows[1], flat[3:6])


def test_a_particle_without_energy_is_refused() -> None:
    with pytest.raises(DataError, match="no positive pT or energy"):
        inputs(constituent(px=1, e=0), jet(pt=1), np.array([[True]]))


def test_no_event_stands_in_two_splits(made: dict[str, Path]) -> None:
    data = read_tensors(made["dataset"], TAGGING_DATASET)
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


def test_standardisation_sees_the_training_split_only(made: dict[str, Path]) -> None:
    data = read_tensors(made["dataset"], TAGGING_DATASET)
    real = data["mask"].astype(bool)
    train = data["features"][data["split"] == 0][real[data["split"] == 0]].astype(float)
    np.testing.assert_allclose(train.mean(axis=0)[STANDARDISED], 0, atol=1e-3)
    np.testing.assert_allclose(train.std(axis=0)[STANDARDISED], 1, atol=1e-3)
    random = np.random.default_rng(2)
    values = random.normal(size=(30, 4, len(TAGGING_FEATURES))).astype(np.float32)
    mask, chosen = random.random((30, 4)) < 0.7, np.arange(30) < 18
    expected = moments(values, mask, chosen)
    values[~chosen] = np.nan
    for one, two in zip(moments(values, mask, chosen), expected, strict=True):
        np.testing.assert_array_equal(one, two)


def test_standardisation_leaves_flags_and_padding(made: dict[str, Path]) -> None:
    data = read_tensors(made["dataset"], TAGGING_DATASET)
    assert not data["features"][data["mask"] == 0].any()
    assert set(np.unique(data["features"][..., ~STANDARDISED])) == {-1.0, 0.0, 1.0}
    values = np.full((1, 2, len(TAGGING_FEATURES)), 3.0, dtype=np.float32)
    result = standardise(values, np.array([[1, 0]]), np.full(17, 1.0), np.full(17, 4.0))
    np.testing.assert_array_equal(result[0], [[0.5] * 17, [0.0] * 17])


def test_classes_weigh_the_same_in_each_split() -> None:
    label, split = np.array([0] * 6 + [1] * 2 + [0] * 2), np.array([0] * 8 + [1] * 2)
    weight = balance(label, split)
    assert weight[:6].sum() == pytest.approx(weight[6:8].sum())
    assert weight[:8].mean() == pytest.approx(1.0)
    assert weight[8:].mean() == pytest.approx(1.0)


def test_cutflow_counts_every_jet(made: dict[str, Path]) -> None:
    flow = read_json(made["summary"])["cutflow"]
    data = read_tensors(made["dataset"], TAGGING_DATASET)
    for index, name in enumerate(JET_CLASSES):
        graphs = read_tensors(made["graphs"] / name / "0000.safetensors", JET_GRAPHS)
        pt = graphs["jet"][:, JET_COLUMNS.index("pt")]
        window = (graphs["label"] == index) & (pt > 500) & (pt < 1000)
        assert flow[name]["jets"] == 120
        assert flow[name]["labelled"] == (graphs["label"] == index).sum() < 120
        assert flow[name]["in_pt_window"] == window.sum() < flow[name]["labelled"]
        assert flow[name]["kept"] == window.sum() == (data["label"] == index).sum()
        assert flow[name]["constituents_kept"] == data["mask"][data["label"] == index].sum()
        assert sum(flow[name][split] for split in ("train", "validation", "test")) == window.sum()


def test_the_cap_is_counted(made: dict[str, Path], tmp_path: Path) -> None:
    paths = {"dataset": tmp_path / "dataset", "summary": tmp_path / "summary"}
    graphs = sorted(made["graphs"].glob("*/*"))
    features(graphs=graphs, settings=FeatureSettings(max_jets_per_class=80), **paths)
    flow = read_json(paths["summary"])["cutflow"]
    assert {entry["kept"] for entry in flow.values()} == {80}
    assert min(entry["in_pt_window"] for entry in flow.values()) > 80


def test_an_absent_class_is_named(tmp_path: Path) -> None:
    graphs = write_toy_samples(tmp_path, 60, names=JET_CLASSES[:-1])
    paths = {"dataset": tmp_path / "dataset", "summary": tmp_path / "summary"}
    with pytest.raises(
        EmptySampleError, match=r"(?s)'Hcc': no jet in the train .*generate\.samples"
    ):
        features(graphs=graphs, settings=FeatureSettings(), **paths)
    unlabelled = toy_jets("Hcc", 60, seed=1) | {"label": np.full(60, -1)}
    write_tensors(tmp_path / "Hcc" / "0000.safetensors", JET_GRAPHS, unlabelled)
    with pytest.raises(EmptySampleError, match=r"60 jets in the sample, 0 labelled Hcc"):
        features(
            graphs=[*graphs, tmp_path / "Hcc" / "0000.safetensors"],
            settings=FeatureSettings(), **paths,
        )  # fmt: skip
    assert not paths["dataset"].exists()


def test_a_sample_that_is_no_class_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'lhco_signal' is not one of the jet classes"):
        features(
            graphs=[tmp_path / "lhco_signal" / "0000.safetensors"],
            dataset=tmp_path / "dataset", summary=tmp_path / "summary",
            settings=FeatureSettings(),
        )  # fmt: skip


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"taggers": ["particlnet"]}, "unknown tagger 'particlnet'. Did you mean 'particlenet'"),
        ({"models": {"pfm": {}}}, "models.pfm: unknown key. Did you mean 'pfn'"),
        ({"features": {"pt_min": 1000.0}}, "must be below pt_max"),
        ({"features": {"test_fraction": 0.95}}, "must leave room for training"),
        ({"features": {"particles": 7}}, r"neighbours \(7\) must be below"),
        ({"training": {"epochs": 0}}, "training.epochs"),
    ],
)
def test_bad_configuration_is_refused(values: dict, message: str) -> None:
    with pytest.raises(Exception, match=message) as caught:
        parse(TaggingSettings, values)
    assert type(caught.value).__name__ == "ConfigurationError"
