"""Settings of the tagging room: classes, pairs, trainings of single taggers, refusals."""

from __future__ import annotations

from math import inf, nan

import pytest
from snakemake.utils import update_config

from jetchain.core.errors import ConfigurationError
from jetchain.core.settings import parse
from jetchain.tagging.settings import TaggingSettings


def test_a_class_of_null_is_left_out_with_its_pairs() -> None:
    """As of a configuration on top of the default one, which Snakemake merges."""
    default = TaggingSettings().model_dump()
    for values in ({"classes": {"Hcc": None}}, {}):
        merged = default | {"classes": default["classes"] | {"Hcc": None}} if values else default
        found = parse(TaggingSettings, merged)
        assert ("Hcc" in found.classes) == ("Hcc_vs_QCD" in found.pairs) == (not values)
        assert "top_vs_QCD" in found.pairs
    dropped = default["pairs"] | {"Hbb_vs_top": None}
    assert "Hbb_vs_top" not in parse(TaggingSettings, default | {"pairs": dropped}).pairs


def on_top(values: dict) -> dict:
    """The default with values laid over it, as Snakemake does with a file of the user's."""
    default = TaggingSettings().model_dump(mode="json")
    update_config(default, values)
    return default


SIX_OUT = dict.fromkeys(["quark", "gluon", "W", "Z", "Hbb", "Hcc"])


@pytest.mark.parametrize(
    ("values", "background"),
    [
        (  # as docs/howto/public-jets.md has it
            {
                "classes": {**SIX_OUT, "QCD": {"samples": ["x"], "label": "QCD"}},
                "pairs": {"top_vs_QCD": {"signal": "top", "background": {"QCD": 1.0}}},
            },
            {"QCD": 1.0},
        ),
        (
            {
                "classes": {"gluon": None, "b": {"samples": ["x"]}},
                "pairs": {"top_vs_QCD": None, "top_vs_light": {
                    "signal": "top", "background": {"quark": 1.0, "b": 3.0}}},
            },
            {"quark": 1.0, "b": 3.0},
        ),
        ({"pairs": {"top_vs_QCD": {"background": {"gluon": 3.0}}}}, {"quark": 1.0, "gluon": 3.0}),
    ],
)  # fmt: skip
def test_a_pair_has_the_background_that_is_written(values: dict, background: dict) -> None:
    found = parse(TaggingSettings, on_top(values)).pairs
    name = next(each for each, value in values["pairs"].items() if value)
    assert found[name].background == background


def test_a_share_of_null_is_left_out() -> None:
    pair = {"Hbb_vs_top": {"background": {"top": None, "gluon": 1.0}}, "Hbb_vs_top_": None}
    with pytest.raises(ConfigurationError, match=r"says top, but its background is gluon\."):
        parse(TaggingSettings, on_top({"pairs": pair}))
    own = {"W_vs_Z": {"signal": "W", "background": {"Z": 1.0, "top": None}}}
    assert parse(TaggingSettings, on_top({"pairs": own})).pairs["W_vs_Z"].background == {"Z": 1.0}


@pytest.mark.parametrize(
    ("name", "pair", "message"),
    [
        # The top of the default stays beside the gluon: two classes, and a figure names one.
        (
            "Hbb_vs_top",
            {"background": {"gluon": 1.0}},
            "says top, but its background is gluon, top",
        ),
        ("top_vs_QCD", {"background": {"gluon": None}}, "gluon and quark, but .* is quark"),
        ("top_vs_QCD", {"background": {"W": 1.0}}, "gluon and quark, but .* is W, gluon, quark"),
        ("Z_vs_QCD", {"signal": "W"}, "name says 'Z', but its signal is W"),
    ],
)
def test_a_pair_is_what_it_is_called(name: str, pair: dict, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        parse(TaggingSettings, on_top({"pairs": {name: pair}}))


def test_a_training_has_its_own_settings_on_top_of_the_common_ones() -> None:
    values = {"training": {"epochs": 9}, "models": {"pfn": {"training": {"batch_size": 77}}}}
    found = parse(TaggingSettings, values)
    assert found.training_of("pfn") == found.training.model_copy(update={"batch_size": 77})
    assert found.training_of("particlenet") == found.training
    assert found.training.epochs == 9


def test_of_a_section_of_the_training_single_keys_may_be_others() -> None:
    values = {"training": {"decorrelation": {"variable": "m", "background": ["gluon"]}}}
    found = parse(TaggingSettings, on_top(values)).training_of("pfn_decorrelated").decorrelation
    assert found.strength == 3.0  # its own
    assert (found.variable, found.background) == ("m", ["gluon"])


@pytest.mark.parametrize("written", ["1e-3", ".001", "1E-3"])
def test_text_that_is_a_number_counts_as_one_in_a_training_too(written: str) -> None:
    values = {"models": {"pfn": {"training": {"learning_rate": written}}}}
    assert parse(TaggingSettings, values).training_of("pfn").learning_rate == 1e-3


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"taggers": ["particlnet"]}, "unknown tagger 'particlnet'. Did you mean 'particlenet'"),
        ({"models": {"pfm": {}}}, "models.pfm: unknown key. Did you mean 'pfn'"),
        ({"features": {"pt_min": 1000.0}}, "must be below pt_max"),
        ({"features": {"test_fraction": 0.95}}, "must leave room for training"),
        ({"features": {"particles": 7}}, r"neighbours \(7\) must be below"),
        (
            {"features": {"splits": {"tops": "test"}}},
            "features.splits: unknown sample of tagging.classes 'tops'. Did you mean 'top'",
        ),
        ({"features": {"splits": {"top": "tests"}}}, r"features\.splits\.top"),
        ({"training": {"epochs": 0}}, "training.epochs"),
        ({"models": {"pfn": {"training": {"epoch": 2}}}}, r"models\.pfn\.training\.epoch: unknown"),
        ({"models": {"pfn": {"training": {"epochs": 0}}}}, r"models\.pfn\.training\.epochs"),
        ({"models": {"rpcn": {"training": {"epoch": 2}}}}, r"models\.rpcn\.training\.epoch: unk"),
        ({"models": {"pfn": {"feature_set": "ful"}}}, "unknown set of features 'ful'"),
        ({"classes": {"a": {"samples": ["x"]}}}, "two classes are needed"),
        (
            {"classes": {"a": {"samples": ["x"]}, "b": {"samples": ["x"]}}},
            "belong to 'a' and to 'b'",
        ),
        (
            {"classes": {"a": {"samples": ["x"]}, "b": {"samples": ["x"], "label": "W"}}},
            "none is left for 'b'",
        ),
        (
            {"classes": {"a": {"samples": ["x"]}, "b": {"samples": ["y"]}}},
            "pairs: there is none of these classes",
        ),
        (
            {"pairs": {"a": {"signal": "top", "background": {"gluons": 1.0}}}},
            r"pairs\.a: unknown class of tagging.classes 'gluons'. Did you mean 'gluon'",
        ),
        ({"pairs": {"a": {"signal": "top", "background": {"gluon": 0.0}}}}, "must be above 0"),
        ({"pairs": {"a": {"signal": "top", "background": {"gluon": nan}}}}, "finite number"),
        ({"pairs": {"a/b": {"signal": "top", "background": {"gluon": 1.0}}}}, "names of pairs"),
        ({"training": {"learning_rate": inf}}, "training.learning_rate: .* finite number"),
        ({"models": {"pfn": {"f_sizes": [0]}}}, r"models\.pfn\.f_sizes\.0: .* equal to 1"),
        ({"models": {"cnn": {"channels": [[]]}}}, r"models\.cnn\.channels\.0: .* at least 1"),
        ({"models": {"pct": {"channels": [[0]]}}}, r"models\.pct\.channels\.0\.0: .* equal to 1"),
    ],
)
def test_bad_configuration_is_refused(values: dict, message: str) -> None:
    with pytest.raises(Exception, match=message) as caught:
        parse(TaggingSettings, values)
    assert type(caught.value).__name__ == "ConfigurationError"
