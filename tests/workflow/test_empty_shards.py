"""An empty shard is as good as any other in every room; an empty sample is an error with its name.

The sample of `helpers.shards`: two shards with events, an empty one, one with an event without
particles, one with nothing but such events.
"""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot

from helpers.detected import GEOMETRY
from helpers.guns import gun_files
from helpers.jetgraphs import write_toy_samples
from helpers.records import pythia_events, write_delphes
from helpers.shard_verbs import FEW, TRAINING, verbs
from helpers.shards import EMPTY, FULL, HOLLOW, SECOND, SIMULATION, VOID, make_chain
from helpers.tagging import make_dataset, whole
from jetchain.core.errors import EmptySampleError
from jetchain.core.io.events import count_events, first_with_events, read_events, write_events
from jetchain.core.io.mapped import Mapped
from jetchain.core.io.tables import read_json
from jetchain.core.io.tensors import read_arrays, read_tensors
from jetchain.core.schema.detector import DETECTED, HITS
from jetchain.core.schema.generate import GENERATED
from jetchain.core.schema.graphs import EVENT_GRAPHS, JET_GRAPHS
from jetchain.core.schema.jets import jets_table
from jetchain.core.schema.particleflow import RECONSTRUCTED
from jetchain.core.schema.tagging import TAGGING_JETS
from jetchain.detector import bench
from jetchain.detector.exchange.export_cocoa import export_cocoa
from jetchain.detector.exchange.import_cocoa import import_cocoa
from jetchain.detector.flight.pileup import read_pool
from jetchain.detector.settings import BenchJobSettings, SimulationSettings
from jetchain.detector.validation.pi0 import pi0
from jetchain.detector.validation.pions import pions
from jetchain.detector.validation.response import response
from jetchain.detector.validation.tracks import tracks
from jetchain.firmware.dataset import prepare
from jetchain.firmware.settings import FirmwareDatasetSettings
from jetchain.generate import summarise as generated
from jetchain.generate.collisions import Chunk, Collisions
from jetchain.generate.import_cocoa import import_cocoa as import_truth
from jetchain.generate.import_delphes import import_delphes
from jetchain.generate.record import Truth
from jetchain.generate.sample import collect
from jetchain.generate.settings import FilterSettings, GenerationSettings
from jetchain.particleflow.network_settings import NetworkTrainingSettings
from jetchain.particleflow.train import training_rows
from jetchain.tagging.batches import JetReader
from jetchain.tagging.settings import FeatureSettings

JETS = jets_table((0.8, 1.0))
EVENT_TABLES = {
    "generate": GENERATED, "detector": DETECTED, "hits": HITS, "particleflow": RECONSTRUCTED,
    "mlpf": RECONSTRUCTED, "jets": JETS,
}  # fmt: skip
TENSOR_TABLES = {"event_graphs": EVENT_GRAPHS, "jet_graphs": JET_GRAPHS, "tagging": TAGGING_JETS}


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    return make_chain(tmp_path_factory.mktemp("chain"))


@pytest.mark.parametrize("room", EVENT_TABLES)
def test_an_empty_shard_has_every_column_of_a_full_one(chain, room):
    trees = [
        uproot.open(chain.path(room, shard))[EVENT_TABLES[room].tree] for shard in (EMPTY, FULL)
    ]
    assert [tree.num_entries for tree in trees] == [0, 10]
    assert trees[0].typenames() == trees[1].typenames()
    empty, full = (read_events(chain.path(room, s), EVENT_TABLES[room]) for s in (EMPTY, FULL))
    for name, record in full.items():
        assert str(empty[name].type.content) == str(record.type.content)


@pytest.mark.parametrize("room", TENSOR_TABLES)
def test_an_empty_shard_has_every_tensor_of_a_full_one(chain, room):
    empty, full = (
        read_tensors(chain.path(room, shard, "safetensors"), TENSOR_TABLES[room])
        for shard in (EMPTY, FULL)
    )
    for name, array in full.items():
        assert (empty[name].dtype, empty[name].ndim) == (array.dtype, array.ndim), name
    mapped = Mapped(chain.paths(room, [EMPTY, FULL, EMPTY], "safetensors"), TENSOR_TABLES[room])
    rows = mapped.rows(np.arange(len(mapped)))
    assert len(mapped) > 0
    assert all(np.array_equal(rows[name], array) for name, array in full.items())


@pytest.mark.parametrize("room", ["generate", "detector", "event_graphs", "jet_graphs", "tagging"])
def test_the_account_of_an_empty_shard_is_that_of_a_full_one_with_zeros(chain, room):
    empty, full = (leaves(read_json(chain.path(room, s, "json"))) for s in (EMPTY, FULL))
    assert set(empty) == set(full)
    counted = {name for name, value in empty.items() if isinstance(value, int | float) and value}
    tried = {"tried", "generated", "removed_by_filter"}
    assert counted <= {f"/cutflow/{name}" for name in tried} | {
        "/shard", "/lowest_pthat", "/sum_of_weights_generated", "/cross_section_pb",
        "/cross_section_error_pb",
    }  # fmt: skip


def leaves(value, path=""):
    """Every number of a JSON file by its path."""
    if isinstance(value, dict):
        return {
            k: v for name, each in value.items() for k, v in leaves(each, f"{path}/{name}").items()
        }
    assert not isinstance(value, float) or math.isfinite(value)
    return {path: value}


@pytest.mark.parametrize("room", EVENT_TABLES)
def test_an_event_without_particles_changes_no_other(chain, room):
    hollow, whole_shard, void = (
        read_events(chain.path(room, shard), EVENT_TABLES[room]) for shard in (HOLLOW, SECOND, VOID)
    )
    others = np.arange(8) != 1
    # A network sums in another order for another batch.
    close = {"rtol": 1e-4, "atol": 1e-6} if room == "mlpf" else {"rtol": 0.0, "atol": 0.0}
    for name in hollow:
        assert ak.almost_equal(hollow[name][others], whole_shard[name][others], **close), name
        if name != "event":
            assert ak.num(hollow[name])[1] == 0
            assert ak.num(void[name]).tolist() == [0] * 8
    assert void["event"]["number"].tolist() == whole_shard["event"]["number"].tolist()


# In the order of `verbs`.
NAMES = [
    "generate.summarise", "detector.summarise", "detector.validation.jets",
    "detector.validation.met", "displays", "particleflow.calibrate",
    "particleflow.calibrate_photons", "particleflow.evaluate", "particleflow.train",
    "jets.summarise", "graphs.display", "anomaly.features", "anomaly.resonance", "jets.images",
    "particleflow.influence",
]  # fmt: skip
NEEDING = NAMES[:-2]


@pytest.mark.shared
@pytest.mark.parametrize("name", NAMES)
def test_an_empty_shard_changes_no_result(chain, name, tmp_path):
    """Wherever it stands among the shards."""
    found = {}
    for folder, shards in (
        ("without", [FULL, SECOND]),
        ("first", [EMPTY, FULL, SECOND]),
        ("last", [FULL, EMPTY, SECOND, EMPTY]),
    ):
        out = tmp_path / folder / "out"
        made = verbs(chain, shards, out)
        assert list(made) == NAMES
        made[name]()
        found[folder] = {path.name: path.read_bytes() for path in out.iterdir()}
    assert found["without"]
    assert found["first"] == found["without"]
    assert found["last"] == found["without"]


@pytest.mark.shared
@pytest.mark.parametrize("name", NAMES)
def test_events_without_particles_are_read_everywhere(chain, name, tmp_path):
    verbs(chain, [VOID, HOLLOW, FULL, SECOND], tmp_path / "out")[name]() if name != NAMES[0] else (
        generated.sum_spectra(chain.paths("generate", [VOID, HOLLOW]))
    )
    for path in (tmp_path / "out").glob("*.json"):
        leaves(json.loads(path.read_text()))


@pytest.mark.parametrize("name", NEEDING)
def test_an_empty_sample_names_itself(chain, name, tmp_path):
    with pytest.raises(EmptySampleError, match="'top'") as error:
        verbs(chain, [EMPTY, EMPTY], tmp_path / "out")[name]()
    assert error.value.remedy
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.fixture(scope="module")
def guns(tmp_path_factory):
    """A gun of several particles and one of neutral pions: files of a shard and of an empty one."""
    found = {}
    for name, gun in (
        ("mixed", {"pdgids": [22, 111, 211, 13], "variable": "energy", "minimum": 20.0,
                   "maximum": 20.1}),
        ("pi0", {"pdgids": [111], "variable": "pt", "minimum": 2.5, "maximum": 6.0}),
    ):  # fmt: skip
        folder = tmp_path_factory.mktemp("guns") / name
        files = gun_files(folder, 80, simulation={"noise": False}, **gun)
        found[name] = [files, tuple(path.with_name(f"empty_{path.name}") for path in files)]
        for full, empty, table in zip(*found[name], (DETECTED, GENERATED), strict=True):
            data = read_events(full, table)
            write_events(empty, table, {key: values[:0] for key, values in data.items()})
    return found


def validations(files, out):
    """Calls of the validations that read single particles, on some files of a sample; by name."""

    def shards(name):
        detected, truth = zip(*files(name), strict=True)
        return {"events": list(detected), "truth": list(truth)}

    rest = {"settings": FEW, "seed": 1}
    mixed = shards("mixed")
    return {
        "response": lambda: response(**mixed, geometry=GEOMETRY, output=out / "a.json", **rest),
        "tracks": lambda: tracks(**mixed, geometry=GEOMETRY, output=out / "a.json", **rest),
        "pions": lambda: pions(
            **mixed, histograms=out / "h.json", output=out / "a.json", **rest
        ),
        "pi0": lambda: pi0(
            **shards("pi0"), response=out.parent / "response" / "a.json",
            histograms=out / "h.json", output=out / "a.json", **rest,
        ),
    }  # fmt: skip


@pytest.mark.parametrize("name", ["response", "tracks", "pions", "pi0"])
def test_an_empty_shard_of_a_gun_changes_no_validation(guns, name, tmp_path):
    validations(lambda gun: guns[gun][:1], tmp_path / "response")["response"]()
    for place in (slice(None, 1), slice(None, None, -1)):
        out = tmp_path / str(place.step)
        validations(lambda gun, place=place: guns[gun][place], out)[name]()
    without, beside = (sorted((tmp_path / step).iterdir()) for step in ("None", "-1"))
    assert [path.read_bytes() for path in without] == [path.read_bytes() for path in beside]
    with pytest.raises(EmptySampleError, match=r"'mixed'|'pi0'"):
        validations(lambda gun: guns[gun][1:], tmp_path / "none")[name]()


def test_an_empty_sample_says_how_many_events_were_tried(chain, tmp_path):
    with pytest.raises(EmptySampleError) as error:
        verbs(chain, [EMPTY, EMPTY], tmp_path / "out")["generate.summarise"]()
    assert "10 were tried in its 2 shards" in error.value.cause
    assert "10 removed by the filter" in error.value.cause
    assert "jet_pt_min" in error.value.remedy


def test_the_account_of_a_sample_adds_what_an_empty_shard_tried(chain, tmp_path):
    verbs(chain, [EMPTY, FULL], tmp_path / "out")["generate.summarise"]()
    account = read_json(tmp_path / "summary.json")
    assert account["cutflow"]["tried"] == 15
    assert account["cutflow"]["kept"] == 10
    assert account["filter_efficiency"] == pytest.approx(10 / 15)


def test_shards_without_events_give_no_training_events(chain):
    """Nor do events without a track or cluster, from which nothing is learned."""
    shards = [EMPTY, VOID, HOLLOW, FULL]
    files = chain.paths("event_graphs", shards, "safetensors")
    training = NetworkTrainingSettings.model_validate(TRAINING.training)
    rows = training_rows(Mapped(files, EVENT_GRAPHS), files, training)
    assert rows.tolist() == [*range(8 + 2, 16), *range(16 + 2, 26)]


def test_the_pool_of_pileup_is_that_of_its_shards_with_events(chain):
    pools = [
        read_pool(chain.paths("generate", shards), SIMULATION)
        for shards in ([FULL], [EMPTY, FULL, EMPTY])
    ]
    assert [pool.events for pool in pools] == [10, 10]
    assert all(np.array_equal(v, pools[1].particles[k]) for k, v in pools[0].particles.items())
    with pytest.raises(EmptySampleError, match="'top'"):
        read_pool(chain.paths("generate", [EMPTY]), SIMULATION)


def test_nothing_is_timed_on_an_empty_shard(chain, tmp_path):
    with pytest.raises(EmptySampleError, match="'top'"):
        bench.bench(
            card=Path("unread"), events=chain.path("generate", EMPTY), geometry=GEOMETRY,
            report=tmp_path / "bench.json", settings=BenchJobSettings(), seed=1,
        )  # fmt: skip


def test_the_first_shard_with_events_is_found(chain):
    files = chain.paths("generate", [EMPTY, EMPTY, SECOND, FULL])
    assert first_with_events(files, GENERATED) == 2
    assert count_events(files[0], GENERATED) == 0


def test_an_empty_shard_changes_no_data_set(chain, tmp_path):
    """Jets of the toy classes, and for each class a shard without jets."""
    graphs = write_toy_samples(tmp_path / "graphs", 60)
    more = []
    for path in graphs:
        more += [path.with_name("0001.safetensors"), path]
        shutil.copy(chain.path("jet_graphs", EMPTY, "safetensors"), more[-2])
    settings = FeatureSettings(validation_fraction=0.3, test_fraction=0.3)
    one, other = (
        make_dataset(tmp_path / name, files, settings)
        for name, files in (("without", graphs), ("with", more))
    )
    indices = [read_json(made["dataset"]) for made in (one, other)]
    for key in ("mean", "scale", "weight"):
        assert indices[0][key] == indices[1][key]
    assert len(indices[1]["shards"]) == 2 * len(indices[0]["shards"])
    assert all(np.array_equal(v, whole(other)[k]) for k, v in whole(one).items())
    readers = [JetReader(made["dataset"], made["jets"]) for made in (one, other)]
    for split in ("train", "validation", "test"):
        first, second = (reader.split(split) for reader in readers)
        assert first.features.equal(second.features)
        assert first.event_number.equal(second.event_number)
    classes = FirmwareDatasetSettings()
    for name, files in (("one", graphs), ("other", more)):
        prepare(
            jets=files, dataset=tmp_path / name, cutflow=tmp_path / f"{name}.json", settings=classes
        )
    assert read_arrays(tmp_path / "one").keys() == read_arrays(tmp_path / "other").keys()
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_a_class_without_jets_is_named(chain, tmp_path):
    graphs = write_toy_samples(tmp_path / "graphs", 60)
    shutil.copy(chain.path("jet_graphs", EMPTY, "safetensors"), graphs[4])
    with pytest.raises(EmptySampleError, match=f"'{graphs[4].parent.name}'"):
        make_dataset(tmp_path, graphs, FeatureSettings())


def test_a_shard_of_which_pythia_gives_up_every_event_is_empty():
    data, account = collect([], None, GenerationSettings(process="top", events=3), 0)
    assert account.cutflow.kept == account.cutflow.generated == 0
    assert account.filter_efficiency is None
    assert set(data) == {"event", *GENERATED.collections}
    assert len(data["particle"]["px"]) == 0


@pytest.mark.parametrize("events", [0, 3])
def test_no_event_without_visible_particles_passes_a_filter(events):
    columns = {
        name: {column: np.empty(0, each.dtype) for column, each in declared.items()}
        for name, declared in GENERATED.collections.items()
    }
    truth = Truth(columns, dict.fromkeys(columns, np.zeros(events, np.int64)))
    event = {name: np.ones(events, column.dtype) for name, column in GENERATED.event.items()}
    settings = GenerationSettings(process="top", events=3, filter=FilterSettings(jet_pt_min=20.0))
    chunk = Chunk(event, truth, events)
    data, account = collect([chunk], Collisions(settings, 1), settings, 0)
    assert account.cutflow.removed_by_filter == events
    assert len(data["event"]["weight"]) == 0


def test_an_empty_shard_comes_back_from_cocoas_form(chain, tmp_path):
    source, events = tmp_path / "c.root", tmp_path / "e.root"
    output, account = tmp_path / "d.root", tmp_path / "d.json"
    export_cocoa(
        events=chain.path("generate", EMPTY), pileup=[], geometry=GEOMETRY, output=source,
        settings=SimulationSettings(), seed=1,
    )  # fmt: skip
    import_truth(source=source, events=events, summary=tmp_path / "e.json", shard="0000")
    import_cocoa(source=source, events=events, output=output, account=account)
    for path, table in ((events, GENERATED), (output, DETECTED)):
        found, full = (
            read_events(each, table)
            for each in (path, chain.path("generate" if table is GENERATED else "detector", FULL))
        )
        assert len(found["event"]) == 0
        assert {n: str(r.type.content) for n, r in found.items()} == {
            n: str(r.type.content) for n, r in full.items()
        }
    assert read_json(account)["events"] == 0


def test_a_file_of_delphes_without_events_is_an_empty_shard(tmp_path):
    whole = write_delphes(tmp_path / "whole.root", pythia_events("top", 1)[0])
    with uproot.open(whole) as old, uproot.recreate(tmp_path / "a.root") as new:
        tree = old["Delphes"]
        groups = {
            group: ak.zip({
                name.partition(".")[2]: tree[name].array()[:0]
                for name in tree.iterkeys()
                if name.startswith(f"{group}.")
            })
            for group in ("Event", "Particle")
        }  # fmt: skip
        new.mktree(
            "Delphes", {group: record.type.content for group, record in groups.items()},
            counter_name=lambda group: f"{group}_size",
            field_name=lambda group, name: f"{group}.{name}",
        )  # fmt: skip
    import_delphes(
        source=tmp_path / "a.root", events=tmp_path / "e.root", summary=tmp_path / "s.json",
        shard="0000",
    )  # fmt: skip
    assert len(read_events(tmp_path / "e.root", GENERATED)["event"]) == 0
    assert read_json(tmp_path / "s.json")["cutflow"]["kept"] == 0
