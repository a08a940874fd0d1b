"""Trainings from given weights, in stages, and in another detector (`particleflow.transfer`)."""

import hashlib

import numpy as np
import pytest

from helpers.graph_files import write_graphs
from jetchain.core import checkpoints
from jetchain.core.errors import ConfigurationError, DataError, EmptySampleError
from jetchain.core.io.mapped import Mapped
from jetchain.core.io.tables import read_csv, read_json, read_result, write_result
from jetchain.core.io.tensors import read_arrays
from jetchain.core.schema.graphs import EVENT_GRAPHS
from jetchain.core.schema.particleflow import Composition, Cones, Performance, Spread
from jetchain.core.schema.particleflow_jets import (
    JetBin,
    JetPerformance,
    MissingMomentum,
    SampleJets,
)
from jetchain.core.schema.particleflow_transfer import (
    TransferCurve,
    TransferMerit,
    TransferPoint,
    TransferredJets,
    TransferTraining,
)
from jetchain.core.settings import parse
from jetchain.core.verbs import Labels
from jetchain.particleflow.algorithms import ALGORITHMS
from jetchain.particleflow.algorithms.mlpf import Mlpf
from jetchain.particleflow.evaluate import RECO_COLUMNS, TRUTH_COLUMNS, summarise
from jetchain.particleflow.network_settings import (
    ReconstructJobSettings,
    TrainJobSettings,
    TransferJobSettings,
)
from jetchain.particleflow.reconstruct import reconstruct
from jetchain.particleflow.settings import ParticleflowSettings
from jetchain.particleflow.train import sample_of, split, stages_of, train, training_rows
from jetchain.particleflow.transfer import compare, transfer
from jetchain.plumbing.configuration import load
from jetchain.reporting import particleflow_transfer

MODEL = {"hidden": 6, "layers": 1}
EPOCHS = 3


def training_of(**more):
    """Seven events of top and five of gun, of which one a file is held out."""
    fit = {"epochs": EPOCHS, "batch_size": 3, "learning_rate": 5e-3, "patience": 50}
    own = {"samples": ["top", "gun"], "held_out": 1, "validation_fraction": 0.3, "fit": fit}
    return own | more


def stage(samples, epochs=EPOCHS, **more):
    return {"samples": samples, "epochs": epochs, **more}


@pytest.fixture
def graphs(tmp_path):
    files = []
    for first, (sample, count) in enumerate({"top": 7, "gun": 5}.items()):
        (tmp_path / sample).mkdir()
        path = tmp_path / sample / "0000.safetensors"
        files.append(write_graphs(path, count, charged=4, neutral=4, first=10 * first))
    return files


@pytest.fixture
def run(graphs, tmp_path):
    """Train MLPF."""

    def run(name, weights=(), model=MODEL, **more):
        files = {k: tmp_path / f"{name}.{k}" for k in ("weights", "history", "targets")}
        settings = TrainJobSettings(model=model, training=training_of(**more))
        train(
            graphs=graphs, initial=[*weights], settings=settings, seed=3, algorithm="mlpf", **files
        )
        return files

    return run


@pytest.fixture
def tune(graphs, tmp_path):
    """Train MLPF in another detector."""

    def tune(part, initial=(), start="tuned", **more):
        files = {k: tmp_path / f"{start}{part}.{k}" for k in ("weights", "training")}
        transfer(
            graphs=graphs, initial=[*initial], seed=3, algorithm="mlpf", start=start, part=part,
            settings=TransferJobSettings(
                model=MODEL, training=training_of(**more), epochs=2, learning_rate=1e-3
            ),
            **files,
        )  # fmt: skip
        return files["weights"], read_result(files["training"], TransferTraining)

    return tune


def stated(path):
    return "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()


# ------------------------------------------------------------------------------ beginning from


def test_a_fine_tuning_of_no_step_is_the_network_itself(run, tune, graphs, tmp_path):
    """Bytes of the weights, and of what it reconstructs."""
    before = run("first")["weights"]
    after, done = tune("0", [before])
    assert after.read_bytes() == before.read_bytes()
    assert (done.events, done.history) == (0, {})
    found = []
    for folder, weights in (("a", before), ("b", after)):
        found.append(tmp_path / folder / "pflow.root")
        reconstruct(
            graphs=graphs[0], weights=weights, particles=found[-1], algorithm="mlpf",
            settings=ReconstructJobSettings(model=MODEL),
        )  # fmt: skip
    assert found[0].read_bytes() == found[1].read_bytes()


def test_a_training_goes_on_from_the_weights_and_keeps_what_standardises(run):
    """At next to no learning rate it stays where it begins, and elsewhere without weights."""
    first = run("first")["weights"]
    still = training_of()["fit"] | {"learning_rate": 1e-12, "weight_decay": 0.0, "epochs": 1}
    given = {"file": str(first), "checksum": stated(first)}
    again = read_arrays(run("again", [first], initial=given, fit=still)["weights"])
    other = read_arrays(run("other", fit=still)["weights"])
    for name, value in read_arrays(first).items():
        np.testing.assert_allclose(again[name], value, atol=1e-7)
    assert np.array_equal(again["feature_mean"], read_arrays(first)["feature_mean"])
    assert not np.allclose(again["classes.0.weight"], other["classes.0.weight"])


def test_weights_of_another_architecture_are_refused_in_words(run, tune):
    larger = run("larger", model=MODEL | {"hidden": 8})["weights"]
    with pytest.raises(ConfigurationError, match=r"weights of a network mlpf.*is \(8, ") as error:
        tune("1", [larger])
    assert "particleflow.mlpf.model" in str(error.value)
    deeper = run("deeper", model=MODEL | {"layers": 2})["weights"]
    with pytest.raises(ConfigurationError, match=r"'messages\.1\..*' is unknown, and \d+ more"):
        tune("1", [deeper])


def test_weights_with_another_checksum_are_refused(run):
    first = run("first")["weights"]
    given = {"file": str(first), "checksum": "sha256:" + 64 * "0"}
    with pytest.raises(DataError, match=r"its checksum is sha256:.*not sha256:0000"):
        run("again", [first], initial=given)


# --------------------------------------------------------------------------------- curriculum


def test_a_curriculum_of_one_stage_is_the_training_without(run):
    plain, one = run("plain"), run("one", curriculum=[stage(["gun", "top"])])
    for name in ("weights", "history", "targets"):
        assert plain[name].read_bytes() == one[name].read_bytes(), name


def test_stages_see_their_samples_and_none_what_validates(graphs):
    events = Mapped(graphs, EVENT_GRAPHS)
    settings = TrainJobSettings(model=MODEL, training=training_of(
        curriculum=[stage(["gun"], 2, learning_rate=1e-4), stage(["top", "gun"], 5)]
    ))  # fmt: skip
    own = ALGORITHMS.decode("mlpf", settings).training
    rows = training_rows(events, graphs, own)
    chosen, validation = split("mlpf", rows, own.validation_fraction, 3)
    samples = sample_of(events, graphs)
    assert samples.tolist() == ["top"] * 7 + ["gun"] * 5
    gun, both = stages_of("mlpf", own, chosen, validation, samples)
    assert {*samples[gun.chosen], *samples[gun.validation]} == {"gun"}
    assert both.chosen.tolist() == chosen.tolist()
    assert not {*gun.chosen, *both.chosen} & {*validation}
    assert (gun.fit.epochs, gun.fit.learning_rate) == (2, 1e-4)
    assert (both.fit.epochs, both.fit.learning_rate) == (5, own.fit.learning_rate)
    with pytest.raises(EmptySampleError, match="stage 1 of the curriculum has 0 events of gun"):
        stages_of("mlpf", own, chosen[samples[chosen] == "top"], validation, samples)


CURRICULUM = [stage(["gun"]), stage(["top", "gun"])]


def test_epochs_are_counted_through_the_stages(run):
    table = read_csv(run("staged", curriculum=CURRICULUM)["history"])
    assert table["stage"].tolist() == [1] * EPOCHS + [2] * EPOCHS
    assert table["epoch"].tolist() == [*range(1, 2 * EPOCHS + 1)]


@pytest.mark.parametrize("killed_in", [1, 2])
def test_a_killed_curriculum_goes_on_and_ends_with_the_same_bytes(
    run, tmp_path, monkeypatch, killed_in
):
    expected = run("whole", curriculum=CURRICULUM)
    own, calls, last = Mlpf.loss, [], [10**9]

    def counted(model, batch, settings):
        if model.training:
            calls.append(1)
        if len(calls) > last[0]:
            raise KeyboardInterrupt
        return own(model, batch, settings)

    monkeypatch.setattr(Mlpf, "loss", counted)
    run("counted", curriculum=CURRICULUM)
    whole, second = len(calls), 3 * EPOCHS  # batches of seven events, three in each
    steps = {1: 2, 2: whole - 1}  # in the last epoch of the first stage, and of all
    folder = tmp_path / "job.checkpoint"
    calls.clear()
    last[0] = steps[killed_in]
    with pytest.raises(KeyboardInterrupt), checkpoints.kept_in(folder, lambda: "x"):
        run("again", curriculum=CURRICULUM)
    calls.clear()
    last[0] = 10**9
    with checkpoints.kept_in(folder, lambda: "x"):
        again = run("again", curriculum=CURRICULUM)
    assert len(calls) < (whole if killed_in == 1 else second)  # at least an epoch was kept
    for name in ("weights", "history", "targets"):
        assert again[name].read_bytes() == expected[name].read_bytes(), name


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"mlpf": {"training": {"curriculum": [stage(["top"])]}}}, "stages of curriculum have"),
        ({"transfer": {"algorithm": "parametric"}}, "unknown network of particle flow"),
        ({"transfer": {"geometry": "coca_low"}}, "Did you mean 'cocoa_low'"),
        (
            {"mlpf": {"training": {"initial": {"file": __file__, "checksum": "md5:1"}}}},
            "write sha256:",
        ),
        (
            {"mlpf": {"training": {"initial": {"file": "no.file", "checksum": "sha256:1"}}}},
            "there is no file 'no.file'",
        ),
    ],
)
def test_what_cannot_be_is_refused_before_any_job(section, message):
    with pytest.raises(ConfigurationError, match=message):
        load({"particleflow": section})


def test_the_default_has_no_stages_and_no_weights():
    training = parse(ParticleflowSettings, {}).mlpf.training
    assert (training.curriculum, training.initial) == ([], None)


# ----------------------------------------------------------------------------- another detector


def test_parts_are_nested_and_take_as_many_steps(run, tune):
    """Of the seven events that are trained on; both kinds, each with its own epochs and rate."""
    first = run("first")["weights"]
    for start, initial, epochs, rate in (("tuned", [first], 2, 1e-3), ("new", [], EPOCHS, 5e-3)):
        for part, events in (("1", 7), ("2", 3), ("4", 1)):
            _, done = tune(part, initial, start)
            assert (done.start, done.part, done.events, done.validation) == (
                start, int(part), events, 3,
            )  # fmt: skip
            assert len(done.history["epoch"]) == int(part) * epochs
            assert max(done.history["learning_rate"]) <= rate * 1.001
    whole = run("whole")["weights"].read_bytes()  # what `train` makes of the same events
    assert tune("1", [], "new")[0].read_bytes() == whole


def jets_of(numbers):
    """Jets in two bins of pT; the second is one tenth wide in its quartiles."""
    spread = Spread(median=1.0, median_error=0.1, width=0.1, width_error=0.01, entries=9)
    wide = spread.model_copy(update={"width": 0.5})
    bins = [
        JetBin(jets=n, matched=n, pt=spread, mass=spread, calibrated=each)
        for n, each in zip(numbers, (wide, spread), strict=True)
    ]
    share = Composition(truth=[0.2] * 5, reconstructed=[0.2] * 5, error=[0.0] * 5)
    none = MissingMomentum(resolution=1.0, error=0.1, mean=0.0)
    sample = SampleJets(events=9, pflow=bins, topo=bins, content=share, pflow_missing=none,
                        topo_missing=none, particles={})  # fmt: skip
    return JetPerformance(radius=0.8, pt_edges=[200.0, 350.0, 500.0], samples={"top": sample})


def merit_of(value):
    one = {"passed": 1, "total": 2, "value": value, "low": value - 0.02, "high": value + 0.03}
    spread = Spread(median=1.0, median_error=0.1, width=0.1, width_error=0.01, entries=9)
    return TransferMerit(
        efficiency=one, floor=one, fake_rate=one,
        jets={"top": TransferredJets(pt_low=200.0, pt_high=350.0, response=spread)},
    )  # fmt: skip


def test_the_curve_has_its_points_and_the_bin_with_most_jets(tmp_path, tiny_performance):
    inputs = {"trainings": [], "performances": [], "jets": []}
    for part, events in ((1, 8), (2, 4)):
        made = TransferTraining(start="new", part=part, events=events, validation=2, history={})
        for kind, result in (("trainings", made), ("performances", tiny_performance),
                             ("jets", jets_of((3, 8)))):  # fmt: skip
            inputs[kind].append(tmp_path / f"{kind}{part}")
            write_result(inputs[kind][-1], result)
    compare(
        **inputs, home=inputs["performances"][0], home_jets=inputs["jets"][0],
        curve=tmp_path / "curve", algorithm="mlpf", geometry="low", home_geometry="high",
    )  # fmt: skip
    found = read_result(tmp_path / "curve", TransferCurve)
    assert [point.training.events for point in found.points] == [4, 8]
    jets = found.points[0].merit.jets["top"]
    assert (jets.pt_low, jets.pt_high, jets.response.width) == (350.0, 500.0, 0.1)
    assert found.home.efficiency == tiny_performance.groups["neutral"].efficiency.overall


@pytest.fixture
def tiny_performance():
    """Of four neutral particles, three of them found."""
    truth, reco = np.zeros(4, TRUTH_COLUMNS), np.zeros(4, RECO_COLUMNS)
    for table in (truth, reco):
        table["label"], table["pt"], table["counted"] = 2, 5.0, True
        table["matched"] = [True, True, True, False]
    truth["reco_pt"], truth["reco_label"] = 5.0, 2
    nothing = Spread(median=None, median_error=None, width=None, width_error=None, entries=0)
    result = Performance(
        **summarise(truth, reco, np.array([1.0, 10.0])), composition={},
        cone=Cones(pflow=nothing, topo=nothing), events=1,
    )  # fmt: skip
    assert result.groups["neutral"].efficiency.overall.value == 0.75
    return result


def test_the_figure_and_the_table_have_a_point_a_training(tmp_path):
    points = [
        TransferPoint(
            training=TransferTraining(
                start=start, part=part, events=events, validation=2,
                history={"validation_loss": [0.4, 0.3]} if part else {},
            ),
            merit=merit_of(value),
        )
        for start, part, events, value in (
            ("tuned", 0, 0, 0.1), ("tuned", 2, 50, 0.2), ("new", 2, 50, 0.15),
            ("tuned", 1, 100, 0.3), ("new", 1, 100, 0.25),
        )
    ]  # fmt: skip
    curve = TransferCurve(
        algorithm="mlpf", home_geometry="cocoa", geometry="cocoa_low", home=merit_of(0.5),
        points=points,
    )  # fmt: skip
    write_result(tmp_path / "curve", curve)
    files = {kind: tmp_path / f"figure.{kind}" for kind in ("pdf", "png", "data")}
    particleflow_transfer.curve(curve=tmp_path / "curve", labels=Labels({"mlpf": "MLPF"}), **files)
    panels = read_json(files["data"])["axes"]
    assert len(panels) == 3
    drawn = {each["label"]: each["y"] for each in panels[0]["series"] if each.get("label")}
    assert drawn["fine-tuned"] == [0.2, 0.3]
    assert drawn["trained from nothing"] == [0.15, 0.25]
    assert drawn["as it is (cocoa_low)"] == 0.1
    assert drawn["at home (cocoa)"] == 0.5
    particleflow_transfer.table(curve=tmp_path / "curve", table=tmp_path / "table.csv")
    table = read_csv(tmp_path / "table.csv")
    assert table["start"].tolist() == ["home", "tuned", "tuned", "new", "tuned", "new"]
    assert table["neutral_efficiency"].tolist() == [0.5, 0.1, 0.2, 0.15, 0.3, 0.25]
    assert table["top_jet_resolution"] == pytest.approx([100 * 0.1 / 1.349] * 6)
