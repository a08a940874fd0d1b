"""Workspaces that others made: pyhf's own numbers, laws of likelihoods, and broken files."""

from __future__ import annotations

import copy
import dataclasses

import numpy as np
import pytest

from helpers.others import ENTRY, FIT, LIMIT, run, spec
from jetchain.core.errors import ConfigurationError, DataError
from jetchain.core.io.tables import read_json, write_json
from jetchain.core.schema.inference import Fit, Limits, ModelFit
from jetchain.core.settings import parse
from jetchain.inference import bowed, histfactory, maximum, minimise, others
from jetchain.inference.histfactory import Hypotheses, Model
from jetchain.inference.likelihood import UnlikeError
from jetchain.inference.published import published
from jetchain.inference.settings import (
    FitSettings,
    InferenceSettings,
)
from jetchain.inference.workspace import numpy_backend


def test_a_model_knows_what_a_strength_of_one_adds() -> None:
    with numpy_backend():
        model = Model(spec("anything", bounds=(-3.0, 10.0)), "here")
    assert (model.name, len(model.signal)) == ("anything", 3)
    assert sorted(model.signal) == pytest.approx([0.5, 2.0, 3.0])
    assert sorted(model.background) == pytest.approx([4.0, 8.0, 55.0])
    # A strength below zero takes at most 90 % of a bin: of 4 events where 3 are signal.
    assert model.lowest == pytest.approx(-0.9 * 4 / 3)


@pytest.fixture(scope="module")
def limit(tmp_path_factory) -> Limits:
    return run(tmp_path_factory.mktemp("limit"), "limits", spec(), Limits, LIMIT)


def test_limits_are_those_of_pyhf_and_without_a_cross_section_on_the_strength(limit) -> None:
    with numpy_backend() as pyhf:
        workspace = pyhf.Workspace(spec())
        model = workspace.model()
        data = workspace.data(model)
        observed, (_, clb) = pyhf.infer.hypotest(
            limit.observed_mu, data, model, return_tail_probs=True
        )
        assert float(observed) == pytest.approx(0.05, rel=5e-3)
        assert limit.observed_clb == pytest.approx(float(clb), rel=5e-3)
        _, expected = pyhf.infer.hypotest(limit.expected_mu[2], data, model, return_expected=True)
        assert float(expected) == pytest.approx(0.05, rel=5e-3)
    assert limit.observed_fb is None
    assert limit.expected_fb == (None,) * 5
    assert limit.observed_events == pytest.approx(5.5 * limit.observed_mu)


def test_order_and_names_change_nothing(tmp_path, limit) -> None:
    turned = run(tmp_path, "limits", spec(poi="kappa", order=-1), Limits, LIMIT)
    assert turned.observed_mu == pytest.approx(limit.observed_mu, rel=1e-3)
    assert turned.expected_mu == pytest.approx(limit.expected_mu, rel=1e-3)


@pytest.mark.parametrize(("power", "bounds"), [(-3, (0.0, 10.0)), (5, (0.0, 10.0))])
def test_a_rescaled_signal_rescales_the_limit_beyond_any_range(
    tmp_path, limit, power: int, bounds
) -> None:
    # The limit lies outside the range that the authors wrote, or in a small corner of it.
    found = run(tmp_path, "limits", spec(power=power, bounds=bounds), Limits, LIMIT)
    assert found.observed_mu * 10.0**power == pytest.approx(limit.observed_mu, rel=3e-3)
    assert found.observed_events == pytest.approx(limit.observed_events, rel=3e-3)


def test_a_fit_has_minos_for_a_strength_of_any_name_and_a_cross_section(tmp_path) -> None:
    job = others.OthersFitJob.model_construct(
        fit=FitSettings(toys=0), workspace=ENTRY.model_copy(update={"cross_section": 4.0})
    )
    found = run(tmp_path, "fit", spec(bounds=(-1.0, 10.0)), Fit, job)
    assert found.valid
    assert found.mu.error_down < 0 < found.mu.error_up
    assert found.mu.cross_section_fb == pytest.approx(4 * found.mu.value)
    with numpy_backend() as pyhf:
        workspace = pyhf.Workspace(spec(bounds=(-1.0, 10.0)))
        model = workspace.model()
        data = workspace.data(model)
        best = pyhf.infer.mle.fit(data, model)
        assert found.mu.value == pytest.approx(float(best[model.config.poi_index]), abs=5e-3)
        assert found.p0 == pytest.approx(
            float(pyhf.infer.hypotest(0.0, data, model, test_stat="q0")), abs=1e-3
        )
    assert {row.name for row in found.parameters} == {
        "norm", "scale", "trigger", "statistics_control[0]", "statistics_signal_region[0]",
        "statistics_signal_region[1]",
    }  # fmt: skip


def test_the_steps_of_large_models_give_the_same_diagnosis(tmp_path, monkeypatch) -> None:
    free = spec(bounds=(-1.0, 10.0))
    sound = run(tmp_path, "diagnose", free, ModelFit, FIT)
    monkeypatch.setattr(minimise, "MANY", 1)  # more parameters than bins it has
    found = run(tmp_path, "diagnose", free, ModelFit, FIT)
    for ours, theirs in zip(found.impacts, sound.impacts, strict=True):
        assert ours.name == theirs.name
        assert (ours.up, ours.down) == pytest.approx((theirs.up, theirs.down), abs=1e-3)
    for ours, theirs in zip(found.scans, sound.scans, strict=True):
        assert ours.rise == pytest.approx(theirs.rise, abs=1e-3)


def test_impacts_are_those_of_cabinetry_and_the_fit_follows_the_control_region(tmp_path) -> None:
    found = run(tmp_path, "diagnose", spec(bounds=(-1.0, 10.0)), ModelFit, FIT)
    with numpy_backend():
        from cabinetry import fit, model_utils

        model, data = model_utils.model_and_data(spec(bounds=(-1.0, 10.0)))
        ranking = fit.ranking(model, data)
    theirs = dict(zip(ranking.labels, zip(ranking.postfit_up, ranking.postfit_down, strict=True),
                      strict=True))  # fmt: skip
    for row in found.impacts:
        assert (row.up, row.down) == pytest.approx(theirs[row.name], abs=0.01)
    assert found.impacts[0].name == max(theirs, key=lambda name: np.abs(theirs[name]).max())
    assert 0 < found.goodness_of_fit <= 1
    np.testing.assert_allclose(np.diag(found.correlations), 1)
    channel = {each.name: each for each in found.channels}["control"]
    assert channel.before == [55 + 0.5 * 5]  # at the strength that the workspace starts from
    assert abs(channel.after[0] - 60) < 3
    # Its free norm is known from these 60 events alone.
    assert channel.after_error[0] == pytest.approx(60**0.5, rel=0.1)


# ------------------------------------------------------------------------------ failures


def failing(monkeypatch, calls_that_fail) -> None:
    """Newton's method finds nothing in some of its calls, counted from 0."""
    whole, calls = minimise.minimise, []

    def instead(*values):
        found = whole(*values)
        calls.append(0)
        fails = calls_that_fail(len(calls) - 1)
        return dataclasses.replace(found, found=found.found & (not fails))

    for module in (histfactory, bowed):
        monkeypatch.setattr(module, "minimise", instead)


def test_a_failed_minimum_is_sought_from_other_starts_and_by_minuit(monkeypatch) -> None:
    with numpy_backend():
        strengths = np.array([1.0, 2.0])
        sound = Hypotheses(Model(spec(), "here")).cls(strengths)
        for fails in (lambda call: call % 3 == 0, lambda call: True):
            with monkeypatch.context() as patch:
                failing(patch, fails)
                found = Hypotheses(Model(spec(), "here")).cls(strengths)
            np.testing.assert_allclose(found, sound, rtol=5e-3)


@pytest.mark.parametrize("error", ["FailedMinimization", "ValueError"])
def test_what_no_start_finds_is_null_with_a_reason(tmp_path, monkeypatch, error: str) -> None:
    import pyhf

    def refusing(*values, **options):
        raise {
            "FailedMinimization": pyhf.exceptions.FailedMinimization(_Message()),
            "ValueError": ValueError("NaN"),
        }[error]

    failing(monkeypatch, lambda call: True)
    monkeypatch.setattr(pyhf.infer.mle, "fit", refusing)
    for verb, kind, job in (("limits", Limits, LIMIT), ("fit", Fit, FIT),
                            ("diagnose", ModelFit, FIT)):  # fmt: skip
        assert "no start of Newton's method" in run(tmp_path, verb, spec(), kind, job).reason


def test_a_model_that_pyhf_alone_evaluates_is_fitted_too(tmp_path, monkeypatch) -> None:
    free = spec(bounds=(-1.0, 10.0))
    sound = run(tmp_path, "fit", free, Fit, FIT)

    def unlike(model):
        raise UnlikeError("other")

    monkeypatch.setattr(histfactory, "Likelihood", unlike)
    found = run(tmp_path, "fit", free, Fit, FIT)
    assert found.mu.value == pytest.approx(sound.mu.value, abs=5e-3)
    assert found.mu.error_up == pytest.approx(sound.mu.error_up, rel=0.02)
    assert found.p0 == pytest.approx(sound.p0, abs=1e-3)


def test_a_fit_that_minuit_does_not_find_accurate_has_the_exact_errors(
    tmp_path, monkeypatch
) -> None:
    free = spec(bounds=(-1.0, 10.0))
    sound = run(tmp_path, "fit", free, Fit, FIT)
    monkeypatch.setattr(maximum, "_minuit", lambda *values: None)
    found = run(tmp_path, "fit", free, Fit, FIT)
    assert found.mu.value == pytest.approx(sound.mu.value, abs=1e-3)
    for name in ("error", "error_up", "error_down"):
        assert getattr(found.mu, name) == pytest.approx(getattr(sound.mu, name), rel=5e-3)
    # Errors that are not those of the Hessian are not believed.
    wrong = np.diag(np.full(7, 1e-4))
    monkeypatch.setattr(maximum, "_minuit", lambda model, start, *_: (start, wrong, None))
    again = run(tmp_path, "fit", free, Fit, FIT)
    assert again.mu.error == pytest.approx(sound.mu.error, rel=5e-3)


def _unlike(model):
    raise UnlikeError("other")


def test_scans_of_the_likelihood_have_their_error_at_one(tmp_path) -> None:
    found = run(tmp_path, "diagnose", spec(bounds=(-1.0, 10.0)), ModelFit, FIT)
    fitted = run(tmp_path, "fit", spec(bounds=(-1.0, 10.0)), Fit, FIT)
    strength, norm = found.scans
    assert (strength.name, norm.name) == ("mu_SIG", "norm")
    for end in (fitted.mu.error_down, fitted.mu.error_up):
        at = fitted.mu.value + end
        assert np.interp(at, strength.values, strength.rise) == pytest.approx(1.0, abs=0.03)
    error = next(row.error for row in fitted.parameters if row.name == "norm")
    ends = [norm.best - error, norm.best + error]
    assert np.interp(ends, norm.values, norm.rise).mean() == pytest.approx(1.0, abs=0.1)
    with pytest.raises(DataError, match="no parameter 'nrm'"):
        run(tmp_path, "diagnose", spec(), ModelFit, FIT.model_copy(
            update={"workspace": ENTRY.model_copy(update={"scanned": ["nrm"]})}))  # fmt: skip


class _Message:
    message = "no minimum"


# ------------------------------------------------------------------------------ broken files


def changed(change) -> dict:
    content = copy.deepcopy(spec())
    change(content)
    return content


def sample(content: dict, index: int = 1) -> dict:
    return content["channels"][0]["samples"][index]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.pop("measurements"), "pyhf refuses"),
        (lambda c: c["measurements"].clear(), "pyhf refuses"),
        (lambda c: c["channels"][0].pop("samples"), "pyhf refuses"),
        (lambda c: c["measurements"][0]["config"].update(poi="nu"),
         "no sample has the parameter of interest 'nu'"),
        (lambda c: c["measurements"][0]["config"].update(poi=""), "no parameter of interest"),
        (lambda c: c["observations"][0]["data"].pop(), "channel 'signal_region': its samples"),
        (lambda c: c["observations"].pop(), "channel 'control': its samples"),
        (lambda c: c["observations"][0].update(data=[-1.0, 5.0]), "observed is -1 in bin 0"),
        (lambda c: sample(c).update(data=[-3.0, 4.0]), "bin 0: -3 events are expected"),
        (lambda c: [sample(c, i).update(data=[0.0, 4.0]) for i in (0, 1)],
         "bin 0: 9 observed where none is expected"),
        (lambda c: sample(c, 0)["modifiers"][1]["data"].update(lo=0.0), "'trigger' has a factor"),
        (lambda c: [channel["samples"][0].update(data=[0.0] * len(channel["samples"][0]["data"]))
                    for channel in c["channels"]], "'mu_SIG' changes no bin"),
    ],
)  # fmt: skip
def test_a_broken_workspace_is_refused_with_what_is_wrong(tmp_path, change, message) -> None:
    write_json(tmp_path / "given.json", changed(change))
    with pytest.raises(DataError, match=message) as caught:
        published(files=[tmp_path / "given.json"], workspace=tmp_path / "out.json", settings=ENTRY)
    assert "given.json" in str(caught.value)
    assert not (tmp_path / "out.json").exists()


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", "null", '{"channels": 3}'])
def test_a_file_that_is_no_workspace_is_refused(tmp_path, text: str) -> None:
    (tmp_path / "given.json").write_text(text)
    with pytest.raises(DataError, match=r"given\.json"):
        published(files=[tmp_path / "given.json"], workspace=tmp_path / "o", settings=ENTRY)


def test_the_patch_and_the_measurement_of_a_name_are_taken(tmp_path) -> None:
    import pyhf

    content = spec()
    content["measurements"].append({**content["measurements"][0], "name": "second"})
    patch = [{"op": "replace", "path": "/channels/0/samples/0/data", "value": [7.0, 8.0]}]
    patches = {
        "metadata": {
            "references": {"hepdata": "ins1234567"}, "description": "of a test", "labels": ["m"],
            "digests": {"sha256": pyhf.utils.digest(content)},
        },
        "version": "1.0.0",
        "patches": [{"metadata": {"name": "sig_400", "values": [400]}, "patch": patch}],
    }  # fmt: skip
    files = [tmp_path / "given.json", tmp_path / "patchset.json"]
    write_json(files[0], content)
    write_json(files[1], patches)
    out = tmp_path / "out.json"

    def take(**names) -> None:
        entry = ENTRY.model_copy(update={"patchset": "patchset.json", **names})
        published(files=files, workspace=out, settings=entry)

    take(patch="sig_400", measurement="second")
    found = read_json(out)
    assert found["channels"][0]["samples"][0]["data"] == [7.0, 8.0]
    assert [each["name"] for each in found["measurements"]] == ["second"]
    with pytest.raises(
        DataError, match=r"no patch 'sig_40' among its 1\.\n.*Did you mean 'sig_400'"
    ):
        take(patch="sig_40")
    with pytest.raises(DataError, match="no measurement 'third'"):
        take(patch="sig_400", measurement="third")
    write_json(files[0], spec(power=1))
    with pytest.raises(DataError, match="not the patch set of"):
        take(patch="sig_400")
    write_json(files[1], {"patches": []})
    with pytest.raises(DataError, match="pyhf refuses this patch set"):
        take(patch="sig_400")


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"workspace": "missing.json"}, "there is no file 'missing.json'"),
        ({"workspace": "here.json", "patch": "one"}, "patchset and patch go together"),
        ({"workspace": "here.json", "cross_section": 0.0}, "greater than 0"),
    ],
)
def test_an_entry_is_checked_when_it_is_read(tmp_path, monkeypatch, entry, message) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here.json").write_text("{}")
    with pytest.raises(ConfigurationError, match=message):
        parse(InferenceSettings, {"workspaces": {"theirs": entry}})
    with pytest.raises(ConfigurationError, match="stands in file names"):
        parse(InferenceSettings, {"workspaces": {"../up": {"workspace": "here.json"}}})
