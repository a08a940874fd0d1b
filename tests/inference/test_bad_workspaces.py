"""What users of pyhf and cabinetry report of workspaces: each is refused, or has a result."""

from __future__ import annotations

import copy
import gzip
import json

import numpy as np
import pytest

from helpers.workspaces import ENTRY, FIT, LIMIT, plain
from jetchain.core.errors import DataError
from jetchain.core.io.tables import read_json, read_result, write_json
from jetchain.core.schema.inference import Fit, Limits, ModelFit
from jetchain.inference import others
from jetchain.inference.faults import faults_of
from jetchain.inference.published import published
from jetchain.inference.workspace import numpy_backend


def sample(spec: dict, index: int = 1) -> dict:
    return spec["channels"][0]["samples"][index]


def modifier(spec: dict, sample_index: int, index: int) -> dict:
    return sample(spec, sample_index)["modifiers"][index]


def changed(change) -> dict:
    spec = copy.deepcopy(plain())
    change(spec)
    return spec


def put(spec: dict, sample_index: int, **values) -> None:
    """One more modifier of a sample of the region."""
    sample(spec, sample_index)["modifiers"].append(values)


def channel(spec: dict, name: str, data: list, modifiers: list, observed: list) -> None:
    """One more channel of background."""
    background = {"name": "background", "data": data, "modifiers": modifiers}
    spec["channels"].append({"name": name, "samples": [background] if data is not None else []})
    spec["observations"].append({"name": name, "data": observed})


FREE_BINS = {"name": "bins", "type": "shapefactor", "data": None}


def parameter(spec: dict, **values) -> None:
    spec["measurements"][0]["config"]["parameters"].append(values)


REFUSED = {
    "normsys with a factor of zero": (
        lambda c: modifier(c, 0, 1)["data"].update(lo=0.0), "'eff' has a factor that is not ab"),
    "normsys with a negative factor": (
        lambda c: modifier(c, 0, 1)["data"].update(hi=-1.0), "'eff' has a factor that is not ab"),
    "normsys that is not a number": (
        lambda c: modifier(c, 0, 1)["data"].update(hi=float("nan")), "not a finite number"),
    "normsys without its data": (lambda c: modifier(c, 0, 1).pop("data"), "pyhf refuses"),
    "histosys without an end": (lambda c: modifier(c, 1, 1)["data"].pop("lo_data"), "pyhf refuses"),
    "histosys of other bins": (
        lambda c: modifier(c, 1, 1)["data"].update(hi_data=[1.0]), "hi_data of .* has 1 bins"),
    "histosys that is not finite": (
        lambda c: modifier(c, 1, 1)["data"].update(hi_data=[float("inf"), 1.0]), "is inf in bin 0"),
    "staterror of other bins": (
        lambda c: modifier(c, 1, 2).update(data=[1.0]), "'stat' has 1 bins"),
    "staterror below zero": (
        lambda c: modifier(c, 1, 2).update(data=[-1.0, 1.0]), "'stat' is -1 in bin 0"),
    "staterror that is not a number": (
        lambda c: modifier(c, 1, 2).update(data=[float("nan"), 1.0]), "is nan in bin 0"),
    "shapesys below zero": (
        lambda c: put(c, 1, name="s", type="shapesys", data=[-1.0, 1.0]), "'s' is -1 in bin 0"),
    "a modifier of an unknown type": (
        lambda c: put(c, 1, name="s", type="functional", data=None), "pyhf refuses|type that"),
    "a modifier twice": (
        lambda c: put(c, 1, name="stat", type="staterror", data=[1.0, 1.0]), "'stat' is given 2"),
    "a name of two kinds": (
        lambda c: put(c, 1, name="eff", type="normfactor", data=None), "pyhf refuses"),
    "events that are not a number": (
        lambda c: sample(c).update(data=[float("nan"), 1.0]), "is nan in bin 0"),
    "events that are not finite": (
        lambda c: sample(c).update(data=[float("inf"), 1.0]), "is inf in bin 0"),
    "events in words": (
        lambda c: sample(c).update(data=["ten", 1.0]),
        r"pyhf refuses .*channels\[0\].samples\[1\].data\[0\]: 'ten'"),
    "no bins": (
        lambda c: [c["observations"][0].update(data=[]), sample(c).update(data=[])],
        "differ in bins|pyhf refuses"),
    "negative background": (
        lambda c: sample(c).update(data=[-3.0, 4.0]), "bin 0: -3 events are expected"),
    "negative observation": (
        lambda c: c["observations"][0].update(data=[-1.0, 5.0]), "observed is -1 in bin 0"),
    "observation that is not a number": (
        lambda c: c["observations"][0].update(data=[float("nan"), 5.0]), "observed is nan"),
    "no observations": (lambda c: c.update(observations=[]), "differ in bins|pyhf refuses"),
    "no key of observations": (lambda c: c.pop("observations"), "pyhf refuses"),
    "an observation of no channel": (
        lambda c: c["observations"].append({"name": "gone", "data": [1.0]}), "no such channel"),
    "an observation twice": (
        lambda c: c["observations"].append({"name": "control", "data": [95.0]}), "given 2 times"),
    "a channel twice": (
        lambda c: c["channels"].append(copy.deepcopy(c["channels"][1])), "given 2 times"),
    "a sample twice": (
        lambda c: c["channels"][0]["samples"].append(copy.deepcopy(sample(c))), "given 2 times"),
    "events where none is expected": (
        lambda c: [sample(c, i).update(data=[0.0, 4.0]) for i in (0, 1)],
        "bin 0: 22 observed where none"),
    "no parameter of interest": (
        lambda c: c["measurements"][0]["config"].update(poi=""), "no parameter of interest"),
    "no key of it": (lambda c: c["measurements"][0]["config"].pop("poi"), "pyhf refuses"),
    "a parameter of interest that nothing has": (
        lambda c: c["measurements"][0]["config"].update(poi="kappa"),
        "no sample has the parameter of interest 'kappa': a workspace without signal needs"),
    "a width of a normsys": (
        lambda c: parameter(c, name="eff", sigmas=[0.5]), "'eff', a normsys, is given sigmas"),
    "a count of 400 digits": (
        lambda c: sample(c).update(data=[10**400, 1]), "'background' is inf in bin 0"),
    "a version that is a number": (lambda c: c.update(version=1), "its version, 1, is not text"),
    "a likelihood in HS3": (
        lambda c: [c.clear(), c.update(distributions=[], likelihoods=[])], "a likelihood in HS3"),
    "a patch set": (lambda c: [c.clear(), c.update(patches=[])], "a patch set, not a workspace"),
    "a parameter of interest that is constrained": (
        lambda c: c["measurements"][0]["config"].update(poi="eff"), "'eff' is a normsys"),
    "a parameter of interest of many bins": (
        lambda c: c["measurements"][0]["config"].update(poi="stat"), "'stat' is a staterror"),
    "a signal of nothing": (lambda c: sample(c, 0).update(data=[0.0, 0.0]), "'mu' changes no bin"),
    "no measurement": (lambda c: c.update(measurements=[]), "pyhf refuses"),
    "bounds that hold nothing": (
        lambda c: parameter(c, name="norm", bounds=[[5.0, 1.0]]), "hold nothing"),
    "a start outside the bounds": (
        lambda c: parameter(c, name="norm", bounds=[[2.0, 5.0]], inits=[1.0]), "outside 2 to 5"),
    "a start that is not a number": (
        lambda c: parameter(c, name="norm", inits=[float("nan")]), "not finite"),
    "a luminosity without its width": (
        lambda c: put(c, 0, name="lumi", type="lumi", data=None), "no auxdata and sigmas"),
    "a luminosity without its start and range": (
        lambda c: [put(c, 0, name="lumi", type="lumi", data=None),
                   parameter(c, name="lumi", auxdata=[1.0], sigmas=[0.02])],
        "no start and range, inits and bounds to the luminosity 'lumi'"),
    "a width of zero": (
        lambda c: [put(c, 0, name="lumi", type="lumi", data=None),
                   parameter(c, name="lumi", auxdata=[1.0], sigmas=[0.0])],
        "a width that is not above zero"),
    "a channel without samples": (lambda c: channel(c, "e", None, [], []), "pyhf refuses"),
    "a channel without bins": (lambda c: channel(c, "e", [], [], []), "pyhf refuses"),
    "a nuisance parameter named like the strength": (
        lambda c: put(c, 1, name="mu", type="normsys", data={"hi": 1.1, "lo": 0.9}),
        "'mu' is a normfactor, normsys, not a normfactor"),
    "an observation of other bins": (
        lambda c: c["observations"][0].update(data=[22.0]), "'region': its samples and obs"),
    "samples of other bins": (
        lambda c: sample(c).update(data=[1.0, 2.0, 3.0]), "'region': its samples and observation"),
    "a huge normsys, whose interpolation turns negative": (
        lambda c: put(c, 1, name="huge", type="normsys", data={"hi": 1e6, "lo": 1e-6}),
        "'huge' has the factors 1e\\+06 and 1e-06, between which HistFactory's interpolation"),
    "a shapefactor of other bins": (
        lambda c: [put(c, 1, **FREE_BINS), channel(c, "more", [10.0], [FREE_BINS], [12.0])],
        "the shapefactor 'bins' is in channels of 1 and 2 bins"),
    "a staterror of other samples in another channel": (
        lambda c: [channel(c, "more", [10.0], [
            {"name": "stat", "type": "staterror", "data": [1.0]}], [12.0]),
                   c["channels"][-1]["samples"][0].update(name="other")],
        "'stat' is on the sample 'background' in region but on 'other' in more: channels that"),
    "a shapesys of two channels": (
        lambda c: [put(c, 1, name="s", type="shapesys", data=[1.0, 1.0]),
                   channel(c, "more", [10.0, 5.0], [
                       {"name": "s", "type": "shapesys", "data": [1.0, 1.0]}], [12.0, 5.0])],
        "pyhf refuses .*shapesys/s"),
    "bounds that are not numbers": (
        lambda c: parameter(c, name="norm", bounds=[[float("nan"), 5.0]]), "nan and 5, hold"),
    "bounds without an end": (
        lambda c: parameter(c, name="norm", bounds=[[0.0, float("inf")]]), "0 and inf, are no"),
    "bounds of many": (
        lambda c: parameter(c, name="norm", bounds=[[0.0, 5.0], [0.0, 5.0]]), "number of values"),
    "a norm that is held at zero": (
        lambda c: parameter(c, name="norm", inits=[0.0], fixed=True),
        "95 observed where none is expected"),
    "a measurement twice": (
        lambda c: c["measurements"].append(copy.deepcopy(c["measurements"][0])),
        "the measurement 'first' is given 2 times"),
    "a version that pyhf does not have": (
        lambda c: c.update(version="9.9.9"), "pyhf refuses .*9.9.9"),
    "a parameter configured twice": (
        lambda c: [parameter(c, name="norm", inits=[1.0]) for _ in range(2)], "'norm' 2 times"),
}  # fmt: skip


def test_a_sound_workspace_has_no_fault() -> None:
    with numpy_backend():
        assert faults_of(plain()) == []


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_with_the_cause_and_a_remedy(tmp_path, name: str) -> None:
    change, message = REFUSED[name]
    (tmp_path / "given.json").write_text(json.dumps(changed(change)))
    with pytest.raises(DataError, match=message) as caught:
        published(files=[tmp_path / "given.json"], workspace=tmp_path / "out.json", settings=ENTRY)
    assert "given.json" in str(caught.value)
    assert "Remedy" in str(caught.value)
    assert not (tmp_path / "out.json").exists()


CONTENT = {
    "XML": (b"<?xml version='1.0'?><Combination/>", "is XML.*xml2json"),
    "ROOT": (b"root\0\0", "is a file of ROOT"),
    "an archive": (b"PK\x03\x04", "is an archive.*pallet"),
    "nothing": (b" ", "it is empty"),
    "half of it": (b'{"channels": [', "not a file of JSON .Expecting value"),
    "half a compressed file": (gzip.compress(json.dumps(plain()).encode())[:99], "file ended"),
    "not text": (b'{"a": "\xff"}', "not a file of JSON"),
    "a list": (b"[]", "not a JSON object, but list"),
}


@pytest.mark.parametrize("name", CONTENT)
def test_a_file_of_another_kind_is_refused_with_what_helps(tmp_path, name: str) -> None:
    content, message = CONTENT[name]
    (tmp_path / "given.json").write_bytes(content)
    with pytest.raises(DataError, match=f"(?s){message}"):
        published(files=[tmp_path / "given.json"], workspace=tmp_path / "out.json", settings=ENTRY)


def test_json_may_be_compressed_and_of_any_encoding(tmp_path) -> None:
    text = json.dumps(plain())
    for content in (
        gzip.compress(text.encode()), text.encode("utf-8-sig"), text.encode("utf-16")
    ):  # fmt: skip
        (tmp_path / "given.json").write_bytes(content)
        published(files=[tmp_path / "given.json"], workspace=tmp_path / "out.json", settings=ENTRY)
        assert read_json(tmp_path / "out.json") == plain()


VERBS = {
    "limits": ("limits", Limits, LIMIT), "fit": ("fit", Fit, FIT),
    "diagnose": ("model", ModelFit, FIT),
}  # fmt: skip


def results(folder, spec: dict, verbs=("limits", "fit")) -> tuple:
    """What is made of a workspace."""
    write_json(folder / "given.json", spec)
    paths = {"workspace": folder / "workspace.json"}
    published(files=[folder / "given.json"], **paths, settings=ENTRY)
    found = []
    for verb in verbs:
        output, kind, job = VERBS[verb]
        getattr(others, verb)(
            **paths, **{output: folder / "result.json"}, method="theirs", settings=job, seed=1
        )
        json.dumps(read_json(folder / "result.json"), allow_nan=False)
        found.append(read_result(folder / "result.json", kind))
    return tuple(found)


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> tuple[Limits, Fit]:
    return results(tmp_path_factory.mktemp("sound"), plain())


def like(found: Limits, sound: Limits, scale: float = 1.0, rel: float = 2e-3) -> None:
    assert found.observed_mu * scale == pytest.approx(sound.observed_mu, rel=rel)
    assert np.array(found.expected_mu) * scale == pytest.approx(sound.expected_mu, rel=rel)


SAME = {
    # A width of zero is a bin without that uncertainty.
    "shapesys of no width": lambda c: put(c, 0, name="s", type="shapesys", data=[0.0, 0.0]),
    "a sample of zeros": lambda c: c["channels"][0]["samples"].append(
        {"name": "empty", "data": [0.0, 0.0], "modifiers": []}),
    "a range that the limit leaves": lambda c: parameter(
        c, name="mu", bounds=[[0.0, 0.1]], inits=[0.05]),
    "a strength that starts outside its range": lambda c: parameter(
        c, name="mu", bounds=[[0.0, 10.0]], inits=[20.0]),
    "a strength that is fixed": lambda c: parameter(c, name="mu", fixed=True),
    "another measurement of another strength": lambda c: c["measurements"].append(
        {"name": "second", "config": {"poi": "norm", "parameters": []}}),
    "a range of the strength that leaves out zero": lambda c: parameter(
        c, name="mu", bounds=[[0.5, 10.0]], inits=[1.0]),
    "a configured parameter that nothing has": lambda c: parameter(c, name="nrom", inits=[2.0]),
    # pyhf, like ROOT, holds the parameter of a bin where nothing is expected.
    "an error of simulation where nothing is expected": lambda c: c["channels"][1][
        "samples"].append({"name": "rare", "data": [0.0], "modifiers": [
            {"name": "statistics", "type": "staterror", "data": [1.0]}]}),
    "counts as integers": lambda c: c["observations"][0].update(data=[22, 11]),
    "histosys without a change": lambda c: put(
        c, 0, name="none", type="histosys", data={"hi_data": [4.0, 6.0], "lo_data": [4.0, 6.0]}),
    "normsys without a change": lambda c: put(
        c, 0, name="none", type="normsys", data={"hi": 1.0, "lo": 1.0}),
    "a bin where nothing is expected or seen": lambda c: [
        c["channels"].append({"name": "dead", "samples": [
            {"name": "background", "data": [0.0], "modifiers": []}]}),
        c["observations"].append({"name": "dead", "data": [0.0]})],
}  # fmt: skip


@pytest.mark.parametrize("name", SAME)
def test_what_changes_nothing_has_the_same_results(tmp_path, sound, name: str) -> None:
    (limits,) = results(tmp_path, changed(SAME[name]), ["limits"])
    like(limits, sound[0])


WORKS = {
    "no background in one bin": lambda c: [
        sample(c).update(data=[0.0, 10.0]),
        modifier(c, 1, 1).update(data={"hi_data": [0.0, 9.5], "lo_data": [0.0, 10.5]}),
        modifier(c, 1, 2).update(data=[0.0, 1.0]), c["observations"][0].update(data=[0.0, 11.0])],
    "a shape that takes all events away": lambda c: modifier(c, 1, 1)["data"].update(
        lo_data=[0.0, 0.0]),
    "a shape beyond all events": lambda c: modifier(c, 1, 1)["data"].update(
        lo_data=[-5.0, 1.0], hi_data=[80.0, 30.0]),
    "an error larger than the events": lambda c: modifier(c, 1, 2).update(data=[30.0, 15.0]),
    "a factor near zero": lambda c: modifier(c, 0, 1)["data"].update(lo=1e-8),
    "a negative signal in one bin": lambda c: sample(c, 0).update(data=[-2.0, 6.0]),
    "nothing observed": lambda c: [each.update(data=[0.0] * len(each["data"]))
                                   for each in c["observations"]],
    "an excess far beyond the model": lambda c: c["observations"][0].update(data=[5e4, 11.0]),
    "norms that no bin tells apart": lambda c: put(
        c, 1, name="twin", type="normfactor", data=None),
    "a bin without background that is scaled": lambda c: [
        sample(c).update(data=[0.0, 10.0]), sample(c)["modifiers"].pop(1),
        modifier(c, 1, 1).update(data=[0.0, 1.0]),
        put(c, 1, name="n", type="normsys", data={"hi": 1.2, "lo": 0.8})],
    "a strength that scales the background too": lambda c: put(
        c, 1, name="mu", type="normfactor", data=None),
    "a large normsys": lambda c: put(c, 1, name="large", type="normsys",
                                     data={"hi": 20.0, "lo": 0.05}),
    "free bins that channels share": lambda c: [
        put(c, 1, **FREE_BINS), channel(c, "more", [10.0, 5.0], [FREE_BINS], [12.0, 5.0])],
    "free bins that fit any data": lambda c: put(c, 1, **FREE_BINS),
    "counts that are no integers": lambda c: c["observations"][0].update(data=[22.5, 11.2]),
    "an auxiliary measurement far away": lambda c: parameter(c, name="eff", auxdata=[50.0]),
    "a range that ends before the data": lambda c: parameter(
        c, name="norm", bounds=[[0.0, 0.5]], inits=[0.4]),
    "one bin and ten parameters": lambda c: [put(
        c, 1, name=f"sys{i}", type="normsys", data={"hi": 1.3, "lo": 0.7}) for i in range(10)],
}  # fmt: skip


@pytest.mark.parametrize("name", WORKS)
def test_what_is_odd_has_results_or_a_reason(tmp_path, name: str) -> None:
    limits, model = results(tmp_path, changed(WORKS[name]), ["limits", "diagnose"])
    assert (limits.observed_mu is None) == (limits.reason is not None)
    assert (model.reason is None) == bool(model.channels)
    if limits.observed_mu is not None:
        assert limits.observed_cls == pytest.approx(0.05, rel=1e-3)
        assert list(limits.expected_mu) == sorted(limits.expected_mu)


@pytest.mark.parametrize("power", [-8, 8])
def test_the_size_of_the_signal_is_no_matter(tmp_path, sound, power: int) -> None:
    def scaled(spec: dict) -> None:
        sample(spec, 0).update(data=[value * 10.0**power for value in (4.0, 6.0)])

    limits, fit = results(tmp_path, changed(scaled))
    like(limits, sound[0], 10.0**power)
    assert fit.mu.value * 10.0**power == pytest.approx(sound[1].mu.value, abs=5e-3)


def test_a_strength_at_the_end_of_its_range_has_the_error_of_its_likelihood(tmp_path) -> None:
    """Minuit's own is as small as the distance to the end: 1e-9 where MINOS finds 0.05."""
    deficit = changed(lambda c: c["observations"][0].update(data=[1.0, 0.0]))
    fit, model = results(tmp_path, deficit, ["fit", "diagnose"])
    assert fit.mu.value == pytest.approx(0.0, abs=1e-6)
    assert fit.mu.error == pytest.approx(fit.mu.error_up)
    assert fit.mu.error_down is None
    (scan,) = model.scans
    assert np.interp(fit.mu.error, scan.values, scan.rise) == pytest.approx(1.0, rel=0.05)
    none = changed(lambda c: [
        c["observations"][0].update(data=[20.0, 10.0]),
        c["observations"][1].update(data=[90.0])])  # fmt: skip
    (fit,) = results(tmp_path, none, ["fit"])  # by hand: no slope, so that of the Hessian
    assert fit.mu.value == pytest.approx(0.0, abs=1e-4)
    assert fit.mu.error == pytest.approx(fit.mu.error_up, rel=0.1)


def test_the_range_of_the_strength_is_wide_enough_where_systematics_dominate(tmp_path) -> None:
    """Ten free bins of 1e9 events: statistics alone would place the error 300 times lower."""

    def huge(spec: dict) -> None:
        sample(spec).update(data=[1e9, 5e8], modifiers=[
            {"name": "stat", "type": "staterror", "data": [5e7, 2.5e7]}])  # fmt: skip
        spec["channels"].pop(), spec["observations"].pop()
        spec["observations"][0].update(data=[1.0005e9, 5.002e8])

    limits, fit = results(tmp_path, changed(huge))
    # By hand: the error of independent relative errors of 5 % on signals 4 and 6.
    expected = (np.sum(np.array([4.0, 6.0]) ** 2 / np.array([5e7, 2.5e7]) ** 2)) ** -0.5
    assert fit.mu.error_up == pytest.approx(expected, rel=0.05)
    assert limits.expected_mu[2] == pytest.approx(1.96 * expected, rel=0.05)


def test_a_fixed_strength_and_other_auxiliary_data_are_no_matter_to_the_diagnosis(tmp_path) -> None:
    (sound,) = results(tmp_path, plain(), ["diagnose"])
    held = changed(lambda c: parameter(c, name="mu", fixed=True))
    (found,) = results(tmp_path, held, ["diagnose"])
    assert found.goodness_of_fit == pytest.approx(sound.goodness_of_fit, rel=1e-6)
    elsewhere = changed(lambda c: parameter(c, name="eff", inits=[3.0]))
    (fit,) = results(tmp_path, elsewhere, ["fit"])
    (pull,) = (each.pull for each in fit.parameters if each.name == "eff")
    assert pull == pytest.approx(0.0, abs=0.1)
    moved = changed(lambda c: parameter(c, name="shape", auxdata=[1.0]))
    (fit, model) = results(tmp_path, moved, ["fit", "diagnose"])
    (pull,) = (each.pull for each in fit.parameters if each.name == "shape")
    assert abs(pull) < 0.6
    # mu starts at 1: the signal, and the background with its shape at the auxiliary measurement.
    (region,) = (each for each in model.channels if each.name == "region")
    assert region.before == pytest.approx([4.0 + 22.0, 6.0 + 9.5])


def test_a_signal_that_takes_events_away_has_no_strength_beyond_all_of_them(tmp_path) -> None:
    (limits,) = results(tmp_path, changed(
        lambda c: sample(c, 0).update(data=[-4.0, -6.0])), ["limits"])  # fmt: skip
    assert limits.observed_mu is None
    assert limits.reason == "no sensitivity: no signal strength up to 1.65 is excluded"


def test_a_deficit_that_leaves_no_events_is_fitted_from_zero_on(tmp_path) -> None:
    """Below zero nuisance parameters take the second bin to no events: there is no minimum."""

    def negative(spec: dict) -> None:
        parameter(spec, name="mu", bounds=[[-10.0, 10.0]], inits=[1.0])

    def deficit(spec: dict) -> None:
        spec["observations"][0].update(data=[1.0, 0.0])

    (fit,) = results(tmp_path, changed(lambda c: [negative(c), deficit(c)]), ["fit"])
    (bounded,) = results(tmp_path, changed(deficit), ["fit"])
    assert fit.mu.value == pytest.approx(bounded.mu.value, abs=1e-6)
    assert fit.mu.error_up == pytest.approx(bounded.mu.error_up, rel=1e-3)

    def mild(spec: dict) -> None:
        spec["observations"][0].update(data=[16.0, 7.0])

    (fit,) = results(tmp_path, changed(lambda c: [negative(c), mild(c)]), ["fit"])
    assert fit.mu.value < -fit.mu.error
    assert fit.mu.error_down == pytest.approx(-fit.mu.error, rel=0.1)
