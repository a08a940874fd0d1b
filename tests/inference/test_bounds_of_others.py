"""Parameters of the workspaces of others that fits push against their bounds."""

from __future__ import annotations

import pytest

from helpers.others import COUNTS, ENTRY, FIT, LIMIT, run, spec
from jetchain.core.schema.inference import Fit, Limits, ModelFit
from jetchain.inference import histfactory
from jetchain.inference.likelihood import UnlikeError


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
    for verb, kind, job in (("fit", Fit, FIT), ("limits", Limits, LIMIT),
                            ("diagnose", ModelFit, FIT.model_copy(
                                update={"workspace": ENTRY.model_copy(update={"scanned": []})}
                            ))):  # fmt: skip
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


def _unlike(model):
    raise UnlikeError("other")
