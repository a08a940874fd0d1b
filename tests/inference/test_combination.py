"""Combinations: limits in closed form, correlated parameters, and what clashes."""

from __future__ import annotations

import copy

import pytest

from helpers.workspaces import LIMIT, plain
from jetchain.core.errors import ConfigurationError, DataError
from jetchain.core.io.tables import read_json, read_result, write_json
from jetchain.core.schema.inference import Limits
from jetchain.core.settings import parse
from jetchain.inference import others
from jetchain.inference.combination import CombinationJob, combination, combined
from jetchain.inference.faults import faults_of
from jetchain.inference.settings import InferenceSettings, PublishedSettings
from jetchain.inference.workspace import numpy_backend


def counting(signal: float, background: float, observed: float, **of) -> dict:
    """One bin whose background has a log-normal uncertainty `jes`."""
    spread = of.get("spread", 0.0)
    scale = {"name": "jes", "type": "normsys", "data": {"hi": 1 + spread, "lo": 1 / (1 + spread)}}
    return {
        "version": "1.0.0",
        "channels": [{"name": of.get("name", "SR"), "samples": [
            {"name": "signal", "data": [signal], "modifiers": [
                {"name": of.get("poi", "mu"), "type": "normfactor", "data": None}]},
            {"name": "background", "data": [background], "modifiers": [scale] * (spread > 0)},
        ]}],
        "observations": [{"name": of.get("name", "SR"), "data": [observed]}],
        "measurements": [{"name": of.get("measurement", "m"), "config": {
            "poi": of.get("poi", "mu"), "parameters": of.get("parameters", [])}}],
    }  # fmt: skip


def limit_of(folder, spec: dict) -> Limits:
    write_json(folder / "w.json", spec)
    others.limits(
        workspace=folder / "w.json", limits=folder / "l.json", method="x", settings=LIMIT, seed=1
    )
    return read_result(folder / "l.json", Limits)


def whole(parts: dict, correlated=()) -> dict:
    with numpy_backend():
        spec = combined(parts, correlated, "both")
        assert faults_of(spec) == []
    return spec


def test_two_bins_of_one_purity_are_their_sum(tmp_path) -> None:
    # L(n1, n2) depends on n1 + n2 alone where signal over background is the same in both.
    one = counting(4.0, 20.0, 23.0)
    two = counting(6.0, 30.0, 29.0, poi="mu_other", measurement="n")
    together = limit_of(tmp_path, whole({"one": one, "two": two}))
    summed = limit_of(tmp_path, counting(10.0, 50.0, 52.0))
    assert together.observed_mu == pytest.approx(summed.observed_mu, rel=1e-3)
    assert together.expected_mu == pytest.approx(summed.expected_mu, rel=1e-3)


def test_correlated_parameters_are_those_of_a_workspace_of_both_channels(tmp_path) -> None:
    parts = {name: counting(5.0, 50.0, 50.0, name=name, spread=0.2) for name in ("one", "two")}
    by_hand = copy.deepcopy(parts["one"])
    by_hand["channels"] += parts["two"]["channels"]
    by_hand["observations"] += parts["two"]["observations"]
    limits = {
        "hand": limit_of(tmp_path, by_hand),
        "correlated": limit_of(tmp_path, whole(parts, ["jes"])),
        "apart": limit_of(tmp_path, whole(parts)),
    }
    assert limits["correlated"].observed_mu == pytest.approx(limits["hand"].observed_mu, rel=1e-6)
    # Uncorrelated uncertainties of 20 % average out, common ones do not.
    assert limits["apart"].observed_mu < 0.9 * limits["correlated"].observed_mu


def test_names_of_one_part_are_kept_and_shared_ones_told_apart() -> None:
    spec = whole({"atlas": plain(), "cms": counting(5.0, 50.0, 50.0, name="region", spread=0.1)})
    channels = [each["name"] for each in spec["channels"]]
    assert sorted(channels) == ["control", "region_atlas", "region_cms"]
    again = whole({"atlas": plain(), "cms": changed("eff", 0.1)})
    names = {m["name"] for c in again["channels"] for s in c["samples"] for m in s["modifiers"]}
    assert {"mu", "eff_atlas", "eff_cms", "shape_atlas", "norm_cms", "stat_cms"} <= names
    assert "eff" not in names


def changed(name: str, by: float) -> dict:
    """The plain workspace with other counts, and another size of a normsys."""
    spec = copy.deepcopy(plain())
    spec["observations"][0]["data"] = [21.0, 12.0]
    spec["observations"][1]["data"] = [91.0]
    for channel in spec["channels"]:
        channel["samples"][-1]["data"] = [1.1 * each for each in channel["samples"][-1]["data"]]
    spec["channels"][0]["samples"][0]["modifiers"][1]["data"] = {"hi": 1 + by, "lo": 1 - by}
    return spec


def with_lumi(width: float) -> dict:
    spec = changed("eff", 0.1)
    lumi = {"name": "lumi", "type": "lumi", "data": None}
    spec["channels"][0]["samples"][0]["modifiers"].append(lumi)
    config = {"name": "lumi", "auxdata": [1.0], "sigmas": [width], "bounds": [[0.5, 1.5]],
              "inits": [1.0]}  # fmt: skip
    spec["measurements"][0]["config"]["parameters"].append(config)
    return spec


def fixed() -> dict:
    spec = changed("eff", 0.1)
    spec["measurements"][0]["config"]["parameters"].append({"name": "eff", "fixed": True})
    return spec


def kind() -> dict:
    """`eff` is a free norm."""
    spec = changed("eff", 0.1)
    spec["channels"][0]["samples"][0]["modifiers"][1] = {
        "name": "eff", "type": "normfactor", "data": None,
    }  # fmt: skip
    return spec


CLASHES = {
    "the same channel": ((plain(), plain()), [], "both hold the channel 'region'.*count twice"),
    "no such parameter": (
        (plain(), changed("eff", 0.1)), ["efff"], "no part has the parameter 'efff'.*'eff'"),
    "of one part alone": (
        (plain(), counting(5.0, 50.0, 50.0)), ["eff"], "'one' alone has the parameter 'eff'"),
    "of bins": ((plain(), changed("eff", 0.1)), ["stat"], "'stat' of 'one' is a staterror"),
    "the strength": ((plain(), changed("eff", 0.1)), ["mu"], "is the strength of 'one'"),
    "other kinds": (
        (plain(), kind()), ["eff"], "its constraint is normal in 'one' and none in 'two'"),
    "other widths": (
        (with_lumi(0.01), with_lumi(0.02)), ["lumi"],
        r"its width is \[0.01\] in 'one' and \[0.02\] in 'two'"),
    "held in one": (
        (plain(), fixed()), ["eff"], r"its fixing is \[False\] in 'one' and \[True\] in 'two'"),
}  # fmt: skip


@pytest.mark.parametrize("name", CLASHES)
def test_what_clashes_is_refused_in_words(name) -> None:
    (one, two), correlated, words = CLASHES[name]
    if name == "other widths":  # not the same data
        two["observations"][1]["data"] = [97.0]
    with numpy_backend(), pytest.raises(DataError, match=f"(?s){words}"):
        combined({"one": one, "two": two}, correlated, "both")


def test_a_common_luminosity_is_configured_once() -> None:
    two = with_lumi(0.02)
    two["observations"][0]["data"] = [25.0, 8.0]
    two["observations"][1]["data"] = [97.0]
    spec = whole({"one": with_lumi(0.02), "two": two}, ["lumi"])
    parameters = spec["measurements"][0]["config"]["parameters"]
    assert [each["name"] for each in parameters] == ["lumi"]


def test_the_verb_leaves_out_what_validates_a_part(tmp_path) -> None:
    write_json(tmp_path / "a.json", plain())
    write_json(tmp_path / "b.json", counting(5.0, 50.0, 50.0))
    part = PublishedSettings.model_construct(combined=None, validation=["control"])
    entries = {"a": part, "b": part.model_copy(update={"validation": []})}
    both = parse(PublishedSettings, {"combined": {"parts": ["a", "b"]}})
    job = CombinationJob.model_construct(workspaces=entries | {"both": both})
    combination(
        workspaces=[tmp_path / "a.json", tmp_path / "b.json"], workspace=tmp_path / "c.json",
        method="both", settings=job,
    )  # fmt: skip
    assert sorted(c["name"] for c in read_json(tmp_path / "c.json")["channels"]) == ["SR", "region"]


REGION = {"region": {"observed": 3, "background": 3.0, "uncertainty": 1.0}}


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"combined": {"parts": ["a", "bb"]}}, "'bb' is no entry.*'b'"),
        ({"combined": {"parts": ["a", "both"]}}, "'both' is no entry"),
        ({"combined": {"parts": ["a"]}}, "at least 2"),
        ({"combined": {"parts": ["a", "a"]}}, "named twice"),
        ({"combined": {"parts": ["a", "b"]}, "cross_section": 3.0}, "2.0 and 3.0 fb"),
        ({"combined": {"parts": ["a", "b"]}, "validation": ["SR"]}, "a combination has no files"),
        ({"combined": {"parts": ["a", "b"]}, **REGION}, "one of these"),
    ],
)
def test_a_combination_that_cannot_be_is_refused(entry, words) -> None:
    given = {"a": {**REGION, "cross_section": 2.0}, "b": REGION, "both": entry}
    with pytest.raises(ConfigurationError, match=f"(?s){words}"):
        parse(InferenceSettings, {"workspaces": given})


def test_a_parameter_that_has_the_name_of_a_renamed_one_stays_its_own() -> None:
    """`eff` of `cms` becomes eff_cms, which the other part has for something else."""
    one = copy.deepcopy(plain())
    one["channels"][0]["samples"][-1]["modifiers"].append(
        {"name": "eff_cms", "type": "normsys", "data": {"hi": 1.3, "lo": 0.7}}
    )
    spec = whole({"atlas": one, "cms": changed("eff", 0.1)})
    places = [
        (channel["name"], modifier["name"])
        for channel in spec["channels"] for sample in channel["samples"]
        for modifier in sample["modifiers"] if modifier["name"].startswith("eff_cms")
    ]  # fmt: skip
    assert len({name for _, name in places}) == 2
    assert {name for _, name in places} == {"eff_cms", "eff_cms_"}


def with_luminosity(name: str, width: float, centre: float = 1.0) -> dict:
    """Signal and background of one bin scale with the luminosity."""
    found = counting(5.0, 50.0, 52.0, name=name, parameters=[
        {"name": "lumi", "auxdata": [centre], "sigmas": [width], "inits": [1.0],
         "bounds": [[0.5, 1.5]]}])  # fmt: skip
    for each in found["channels"][0]["samples"]:
        each["modifiers"].append({"name": "lumi", "type": "lumi", "data": None})
    return found


@pytest.mark.parametrize("widths", [(0.02, 0.03), (0.02, 0.02)])
def test_luminosities_of_two_parts_are_told_apart(tmp_path, widths) -> None:
    """pyhf knows one `lumi`; the parts' own models say what each scales its channel by."""
    import pyhf

    parts = {name: with_luminosity(name, w) for name, w in zip(("one", "two"), widths, strict=True)}
    spec = whole(parts)
    with numpy_backend():
        both = pyhf.Workspace(spec).model()
        place = both.config.channel_slices
        for part, width in zip(parts, widths, strict=True):
            own = pyhf.Workspace(parts[part]).model()
            for sigmas in (-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0):
                values = {"mu": 1.0, "lumi_one": 0.0, "lumi_two": 0.0, f"lumi_{part}": sigmas}
                ours = both.expected_actualdata([values[name] for name in both.config.par_names])
                at = {"mu": 1.0, "lumi": 1 + width * sigmas}
                theirs = own.expected_actualdata([at[name] for name in own.config.par_names])
                exact = 1e-9 if abs(sigmas) in (0.0, 1.0) else 3 * width**2
                assert ours[place[part]] == pytest.approx(theirs, rel=exact)
    limits = limit_of(tmp_path, spec)
    sure = limit_of(tmp_path, whole({
        name: counting(5.0, 50.0, 52.0, name=name) for name in parts
    }))  # fmt: skip
    assert sure.observed_mu < limits.observed_mu < 1.1 * sure.observed_mu


def test_a_luminosity_that_is_not_measured_as_one_is_not_told_apart() -> None:
    parts = {name: with_luminosity(name, 0.02, 1.1) for name in ("one", "two")}
    with numpy_backend(), pytest.raises(DataError, match=r"'lumi' is measured as 1.1 \+- 0.02"):
        combined(parts, [], "both")
