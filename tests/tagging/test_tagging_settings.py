"""Settings of the tagging room: classes, pairs, trainings of single taggers, refusals."""

from __future__ import annotations

from math import inf, nan

import pytest

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


def test_a_training_has_its_own_settings_on_top_of_the_common_ones() -> None:
    values = {"training": {"epochs": 9}, "models": {"pfn": {"training": {"batch_size": 77}}}}
    found = parse(TaggingSettings, values)
    assert found.training_of("pfn") == found.training.model_copy(update={"batch_size": 77})
    assert found.training_of("particlenet") == found.training
    assert found.training.epochs == 9


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
