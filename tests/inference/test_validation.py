"""Channels that a fit leaves out: they change nothing of it, and show their pulls."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from helpers.workspaces import ENTRY, FIT, LIMIT, plain
from jetchain.core.errors import ConfigurationError, DataError
from jetchain.core.io.tables import read_result, write_json
from jetchain.core.schema.inference import ChannelYields, Limits, ModelFit
from jetchain.core.settings import parse
from jetchain.inference import others
from jetchain.inference.published import published
from jetchain.inference.settings import PublishedSettings
from jetchain.inference.validation import apart, pulls_of

LEFT_OUT = ENTRY.model_copy(update={"validation": ["a_check"]})


def spec(check: list[float], observed: list[float]) -> dict:
    """The plain workspace and a channel, before the others by name, that shares their parameters.

    The error of simulation has the name of that of the region: of each bin one, of one name.
    """
    found = copy.deepcopy(plain())
    found["channels"].append({"name": "a_check", "samples": [
        {"name": "background", "data": check, "modifiers": [
            {"name": "norm", "type": "normfactor", "data": None},
            {"name": "stat", "type": "staterror", "data": [0.1 * each for each in check]},
        ]},
    ]})  # fmt: skip
    found["observations"].append({"name": "a_check", "data": observed})
    return found


def of_verbs(folder, given: dict, entry: PublishedSettings) -> tuple[Limits, ModelFit]:
    write_json(folder / "given.json", given)
    path = folder / "workspace.json"
    published(files=[folder / "given.json"], workspace=path, settings=entry)
    limit = LIMIT.model_copy(update={"workspace": entry})
    fit = FIT.model_copy(update={"workspace": entry})
    names = {"workspace": path, "method": "theirs", "seed": 1}
    others.limits(**names, limits=folder / "limits.json", settings=limit)
    others.diagnose(**names, model=folder / "model.json", settings=fit)
    return read_result(folder / "limits.json", Limits), read_result(folder / "model.json", ModelFit)


@pytest.fixture(scope="module")
def found(tmp_path_factory) -> dict[str, tuple[Limits, ModelFit]]:
    given = spec([50.0, 80.0, 0.0], [500.0, 84.0, 0.0])
    folder = tmp_path_factory.mktemp("validation")
    return {
        "without": of_verbs(folder, plain(), ENTRY),
        "validated": of_verbs(folder, given, LEFT_OUT),
    }


def test_a_channel_that_validates_is_no_part_of_the_likelihood(found) -> None:
    (limits, model), (without, plain_model) = found["validated"], found["without"]
    assert limits == without
    assert model.channels[:2] == plain_model.channels
    assert model.model_copy(update={"channels": plain_model.channels}) == plain_model


def test_its_events_follow_the_fit_and_its_pulls_are_by_hand(found) -> None:
    model = found["validated"][1]
    (channel,) = (each for each in model.channels if each.pulls)
    control = next(each for each in model.channels if each.name == "control")
    norm = control.after[0] / 90.0  # the norm is all that either has
    np.testing.assert_allclose(channel.after, [50 * norm, 80 * norm, 0.0])
    # Its own error of simulation, 10 % of a bin, is that of before the fit.
    error = np.hypot(control.after_error[0] / 90.0 * 50, 0.1 * 50 * norm)
    assert channel.after_error[0] == pytest.approx(error, rel=1e-6)
    pull = (500 - 50 * norm) / np.sqrt(50 * norm + error**2)
    assert channel.pulls[0] == pytest.approx(pull)
    assert abs(channel.pulls[1]) < 1
    assert channel.pulls[2] is None  # nothing is expected


def test_parameters_of_bins_keep_their_places() -> None:
    given = spec([50.0], [50.0])
    renamed = apart(given, ["a_check"])
    names = [each["name"] for each in renamed["channels"][2]["samples"][0]["modifiers"]]
    assert names == ["norm", "stat_of_a_check"]
    assert renamed["channels"][:2] == given["channels"][:2]


def test_pulls_have_the_error_of_the_expectation() -> None:
    channel = ChannelYields(
        name="x", observed=[20.0, 3.0], before=[0.0] * 2, before_error=[0.0] * 2,
        after=[16.0, 0.0], after_error=[3.0, 0.0],
    )  # fmt: skip
    assert pulls_of(channel) == (pytest.approx(0.8), None)  # 4 / sqrt(16 + 9)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["a_chekc"], "no channel 'a_chekc'.*did you mean 'a_check'"),
        (["region", "control", "a_check"], "none is left"),
        (["region"], "no sample has the parameter of interest 'mu'"),
    ],
)
def test_what_leaves_no_fit_is_refused(tmp_path, names, words) -> None:
    with pytest.raises(DataError, match=f"(?is){words}"):
        of_verbs(tmp_path, spec([5.0], [5.0]), ENTRY.model_copy(update={"validation": names}))


def test_a_region_has_no_channel_to_leave_out() -> None:
    region = {"observed": 1, "background": 1.0, "uncertainty": 0.1}
    with pytest.raises(ConfigurationError, match="a region has no files"):
        parse(PublishedSettings, {"region": region, "validation": ["region"]})
