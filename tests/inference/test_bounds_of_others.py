"""Parameters of the workspaces of others that fits push against their bounds."""

from __future__ import annotations

import numpy as np
import pytest

from helpers.others import COUNTS, ENTRY, FIT, LIMIT, run, spec
from helpers.workspaces import plain
from jetchain.core.schema.inference import Fit, Limits, ModelFit
from jetchain.inference import histfactory
from jetchain.inference.likelihood import UnlikeError
from jetchain.inference.published import of_region
from jetchain.inference.settings import RegionSettings
from jetchain.inference.workspace import numpy_backend

VERBS = (
    ("fit", Fit, FIT), ("limits", Limits, LIMIT),
    ("diagnose", ModelFit, FIT.model_copy(
        update={"workspace": ENTRY.model_copy(update={"scanned": []})})),
)  # fmt: skip


def of_norm(factor: float, counts: dict[str, list[float]] = COUNTS) -> dict:
    """The workspace with a background of which `factor` times is seen, and other counts."""
    content = spec(bounds=(-1.0, 10.0))
    for channel in content["channels"]:
        background = channel["samples"][1]
        background["data"] = [each / factor for each in background["data"]]
        _, shape, error = background["modifiers"]
        error["data"] = [each / factor for each in error["data"]]
        shape["data"] = {
            end: [each / factor for each in values] for end, values in shape["data"].items()
        }
    for each in content["observations"]:
        each["data"] = counts[each["name"]]
    return content


@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize(
    ("content", "name", "bound"),
    [
        (of_norm(30.0), "norm", 10.0),
        (of_norm(1.0, {"signal_region": [20.0, 30.0], "control": [1.0]}), "norm", 0.0),
        (of_norm(1.0), None, None),
    ],
)
def test_a_parameter_at_its_bound_is_named_with_the_remedy(
    tmp_path, monkeypatch, capsys, content, name, bound, alone: bool
) -> None:
    if alone:  # pyhf alone evaluates it
        monkeypatch.setattr(histfactory, "Likelihood", _unlike)
    for verb, kind, job in VERBS:
        if alone and verb == "limits":
            continue  # Minuit takes long for as many fits
        found = run(tmp_path, verb, content, kind, job)
        assert [(each.name, each.bound) for each in found.at_bounds if each.name == "norm"] == (
            [] if name is None else [(name, bound)]
        )
        told = (
            f"norm ends at its bound {bound}:"
            if bound is None
            else f"norm ends at its bound {bound:g}:"
        )
        warned = capsys.readouterr().err
        assert (told in warned) == (name is not None)
        assert ("widen `bounds` of 'norm' in" in warned) == (name is not None)


def test_wider_bounds_are_the_remedy_for_a_parameter_at_its_bound(tmp_path) -> None:
    content = of_norm(30.0)
    before = run(tmp_path, "fit", content, Fit, FIT)
    wide = {"name": "norm", "bounds": [[0.0, 100.0]], "inits": [10.0]}
    content["measurements"][0]["config"]["parameters"].append(wide)
    after = run(tmp_path, "fit", content, Fit, FIT)
    assert (len(before.at_bounds), after.at_bounds) == (1, ())
    sound = run(tmp_path, "fit", of_norm(1.0), Fit, FIT)
    assert after.mu.value == pytest.approx(sound.mu.value, abs=1e-2)
    assert abs(before.mu.value - sound.mu.value) > 1.0


def test_a_strength_at_the_end_of_its_range_is_named_in_the_fit_alone(tmp_path) -> None:
    content = spec()
    for each in content["observations"]:
        each["data"] = {"signal_region": [2.0, 0.0], "control": [60.0]}[each["name"]]
    fitted = run(tmp_path, "fit", content, Fit, FIT)
    assert [(each.name, each.bound) for each in fitted.at_bounds] == [("mu_SIG", 0.0)]
    assert run(tmp_path, "limits", content, Limits, LIMIT).at_bounds == ()


def test_a_norm_that_changes_no_bin_is_held_and_the_rest_is_fitted(tmp_path, capsys) -> None:
    content = spec()
    without = [run(tmp_path, verb, content, kind, job) for verb, kind, job in VERBS]
    for channel in content["channels"]:  # an empty sample, with a norm and one of each bin
        bins = len(channel["samples"][0]["data"])
        free = [("free", "normfactor"), (f"bins_{channel['name']}", "shapefactor")]
        channel["samples"].append({
            "name": "empty", "data": [0.0] * bins,
            "modifiers": [{"name": name, "type": kind, "data": None} for name, kind in free],
        })  # fmt: skip
    capsys.readouterr()
    found = [run(tmp_path, verb, content, kind, job) for verb, kind, job in VERBS]
    told = capsys.readouterr().err
    assert "'free' changes no bin: it is held" in told
    assert "'bins_signal_region[1]' changes no bin: it is held" in told
    assert "'norm'" not in told
    fit, limits, diagnosis = found
    assert fit.mu.value == pytest.approx(without[0].mu.value, abs=1e-4)
    assert fit.mu.error == pytest.approx(without[0].mu.error, rel=1e-3)
    assert limits.observed_mu == pytest.approx(without[1].observed_mu, rel=1e-6)
    assert diagnosis.parameters == without[2].parameters


def test_the_background_of_a_region_is_fitted_far_beyond_its_error() -> None:
    """Many events over few expected: the estimate of no signal lies more than 5 errors up."""
    counts = RegionSettings(observed=100, background=20.0, uncertainty=2.0)
    with numpy_backend():
        model = histfactory.Model(of_region(counts), "region")
        null = histfactory.Hypotheses(model).null
        names = model.model.config.par_names
    alpha = null[names.index("background")]
    # -log L = b - n log b + alpha^2 / 2 with b = 20 x 1.1^alpha, minimised by hand.
    steps = np.linspace(0.0, 10.0, 100_001)
    b = 20.0 * 1.1**steps
    assert alpha == pytest.approx(steps[np.argmin(b - 100 * np.log(b) + steps**2 / 2)], abs=1e-3)
    assert 5.0 < alpha < 10.0
    assert model.at_bounds(null) == ()


def _unlike(model):
    raise UnlikeError("other")


def test_a_strength_that_no_data_measure_has_the_error_of_its_likelihood(tmp_path) -> None:
    """One free norm a sample in one bin: the Hessian is singular but for rounding."""
    given = plain()
    given["channels"].pop(), given["observations"].pop()
    for each, data in zip(given["channels"][0]["samples"], ([10.0], [20.0]), strict=True):
        each |= {"data": data, "modifiers": each["modifiers"][:1]}
    given["observations"][0]["data"] = [45.0]
    fit = run(tmp_path, "fit", given, Fit, FIT)
    assert fit.mu.error == pytest.approx(fit.mu.error_up)
    # At most all 45 events are of the signal, and what -2 log L allows beyond: 52.
    assert fit.mu.value + fit.mu.error == pytest.approx(5.2, abs=0.05)
