"""Samples of published jets in configuration and tagging room: names, labels, features."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from helpers import published
from jetchain.core.errors import ConfigurationError, DataError
from jetchain.core.io.tables import read_json
from jetchain.core.io.tensors import read_tensors
from jetchain.core.schema.tagging import TAGGING_FEATURES, TAGGING_JETS
from jetchain.graphs.import_jets import import_jets
from jetchain.graphs.settings import ImportSettings
from jetchain.plumbing import configuration
from jetchain.plumbing.rules import Rules
from jetchain.tagging.class_settings import ClassSettings
from jetchain.tagging.features import features
from jetchain.tagging.score import require_features
from jetchain.tagging.settings import SelectionJobSettings

HOUSE = Path(__file__).resolve().parents[2]
HDF5 = b"\x89HDF\r\n\x1a\n"


def load(samples, classes, **tagging):
    """The default configuration with other samples of jets, and only these classes."""
    values = yaml.safe_load((HOUSE / "config/config.yaml").read_text(encoding="utf-8"))
    values["graphs"]["samples"] = samples
    pairs = {"pair": {"signal": "b", "background": {"a": 1.0}}}
    values["tagging"] |= {"taggers": ["pfn_kinematics"], "classes": classes, "pairs": pairs}
    values["tagging"] |= tagging
    return configuration.load(values)


def two(sample="mine", labels=("QCD", "top")):
    return {name: {"samples": [sample], "label": label}
            for name, label in zip("ab", labels, strict=True)}  # fmt: skip


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Files that begin as those of their kind do, in the current folder."""
    monkeypatch.chdir(tmp_path)
    for name, start in (("1.h5", HDF5), ("2.h5", HDF5), ("a.root", b"root"), ("a.npz", b"PK\3\4"),
                        ("a.parquet", b"PAR1"), ("a.dat", b"?")):  # fmt: skip
        Path(name).write_bytes(start)


def source(*names, format="top_tagging", **keys):
    return {"source": {"format": format, "files": [*names], **keys}}


def test_files_of_a_sample_are_shards_and_its_jets_make_classes(files):
    found = load({"mine": source("*.h5")}, two())
    assert found.graphs.samples["mine"].source.files == ["1.h5", "2.h5"]
    assert Rules(found.model_dump(mode="json")).shard_names("mine") == ["0000", "0001"]
    assert load({"mine": source("?.h5") | {"shards": 6}}, two()).graphs.samples["mine"].parts == 3


@pytest.mark.parametrize(
    ("samples", "classes", "message"),
    [
        ({"mine": source("3.h5")}, two(), "mine.source.files: there is no file '3.h5'"),
        ({"mine": source("*.h6")}, two(), r"no file matches '\*\.h6'"),
        ({"mine": source("1.h5", "?.h5")}, two(), "'1.h5' is named twice"),
        ({"mine": source("1.h5", format="toptag")}, two(), "unknown format of jets 'toptag'"),
        ({"mine": source("a.root")}, two(), "'a.root' is a ROOT file, but the format is top_tag"),
        ({"mine": source("a.npz")}, two(), r"is a zip file.*\(format quark_gluon\)"),
        ({"mine": source("1.h5", "2.h5") | {"shards": 3}}, two(), "set shards to 2, or a multiple"),
        ({"mine": source("1.h5", checksums={"1.h5": "md5:1"})}, two(), "32, or sha256: and 64 hex"),
        ({"a/b": source("1.h5")}, two("a/b"), "use letters, digits and _ only"),
        ({"top": source("1.h5")}, two("top"), "graphs.samples.top: generate.samples has a sample"),
        ({"mine": source("1.h5")}, two("mime"), "no sample 'mime' .* Did you mean 'mine'"),
        (
            {"mine": source("1.h5")}, two(labels=("QCD", "tops")),
            r"classes\.b\.label: unknown truth label 'tops' of jets of 'mine'.*QCD, top\.",
        ),
        ({}, two("top", ("W", "tops")), "unknown truth label 'tops' of jets of 'top'.*Hbb"),
        (
            {"mine": source("1.h5")},
            {"a": {"samples": ["mine", "quark"], "label": "QCD"}, "b": {"samples": ["top"]}},
            "unknown truth label 'QCD' of jets of 'quark'",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_sample_is_said_before_any_job(files, samples, classes, message):
    with pytest.raises(ConfigurationError, match=message):
        load(samples, classes)


@pytest.mark.parametrize(
    ("format", "name", "labels", "largest"),
    [
        ("top_tagging", "1.h5", ("QCD", "top"), "kinematics"),
        ("quark_gluon", "a.npz", ("gluon", "quark"), "identity"),
        ("jetclass", "a.parquet", ("QCD", "Hbb"), "full"),
    ],
)
@pytest.mark.parametrize("wanted", ["kinematics", "identity", "full"])
def test_features_that_jets_lack_are_refused(files, format, name, labels, largest, wanted):
    sizes = ["kinematics", "identity", "full"]
    samples = {"mine": source(name, format=format)}
    how = {"taggers": ["pfn"], "feature_set": wanted}
    if sizes.index(wanted) <= sizes.index(largest):
        load(samples, two(labels=labels), **how)
    else:
        with pytest.raises(ConfigurationError, match=f"have '{largest}' only: set it to {largest}"):
            load(samples, two(labels=labels), **how)


def test_taggers_that_look_at_momenta_alone_ask_for_no_more(files):
    samples = {"mine": source("1.h5", format="top_tagging")}
    classes, names = two(labels=("QCD", "top")), ["bdt", "cnn", "efn", "fisher", "recursive"]
    load(samples, classes, taggers=names, feature_set="full")
    blind = {"lorentznet": {"identity": False}}
    load(samples, classes, taggers=["lorentznet"], feature_set="full", models=blind)
    load(samples, classes, taggers=["lorentznet"], feature_set="kinematics")
    with pytest.raises(ConfigurationError, match="lorentznet sees 'identity' of a particle, but"):
        load(samples, classes, taggers=["lorentznet"], feature_set="full")


@pytest.fixture
def graphs(tmp_path):
    made, label = published.jets(40), np.arange(40) % 2
    path = published.write_top_tagging(tmp_path / "a.h5", made, label)
    files = {"graphs": tmp_path / "mine" / "0000.safetensors", "cutflow": tmp_path / "c.json"}
    import_jets(source=path, shard="0000", settings=ImportSettings(format="top_tagging"), **files)
    return files["graphs"]


def test_classes_take_published_jets_by_their_labels(tmp_path, graphs):
    classes = {name: ClassSettings(**each) for name, each in two(labels=("top", "QCD")).items()}
    files = {"jets": tmp_path / "jets.safetensors", "cutflow": tmp_path / "jets.json"}
    settings = SelectionJobSettings(classes=classes)
    features(graphs=graphs, settings=settings, sample="mine", **files)
    table = read_tensors(files["jets"], TAGGING_JETS)
    flow = read_json(files["cutflow"])["classes"]
    assert table["label"].tolist() == [1, 0] * 20
    assert flow["a"] == flow["b"] == {"jets": 40, "labelled": 20, "in_pt_window": 20}
    without = [TAGGING_FEATURES.index(name) for name in TAGGING_FEATURES[7:]]
    assert not table["features"][..., without].any()
    other = classes | {"a": ClassSettings(samples=["mine"], label="Hbb")}
    wrong = SelectionJobSettings(classes=other)
    with pytest.raises(ConfigurationError, match="'Hbb', but these have QCD, top"):
        features(graphs=graphs, settings=wrong, sample="mine", **files)


def test_a_tagger_that_sees_more_scores_no_such_jets(graphs):
    require_features(graphs, "kinematics")
    with pytest.raises(DataError, match="sees 'full' of a particle, but these jets have 'kinem"):
        require_features(graphs, "full")
