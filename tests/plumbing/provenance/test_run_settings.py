"""The settings that a result was made with, from the manifest."""

import pytest

from jetchain.core.errors import DataError
from jetchain.plumbing.provenance.settings import settings_behind

PLACES = {
    "cluster": {"": "jets.clustering"},
    "summarise": {"": "jets.summary"},
    "train": {"training": "tagging.training", "model": "tagging.models.{model}"},
    "fit": {"spectrum": "background.spectrum"},
    "train_flow": {"range": "background.spectrum.range"},
}


def entry(rule, settings, *parents):
    return {"rule": rule, "settings": settings, "parents": list(parents)}


def test_a_result_has_the_settings_of_all_that_it_is_made_from():
    artefacts = {
        "shard": entry("cluster", {"radii": [0.4]}),
        "summary": entry("summarise", {"pt_min": 300.0}, "shard", "by hand"),
        "weights": entry("train", {"training": {"epochs": 2}, "model": {"layers": 3}}, "shard"),
        "figure": entry("draw", None, "summary", "weights"),
        "other": entry("summarise", {"pt_min": 999.0}, "shard"),
    }
    assert settings_behind("figure", artefacts, PLACES) == {
        "jets": {"clustering": {"radii": [0.4]}, "summary": {"pt_min": 300.0}},
        "tagging": {"training": {"epochs": 2}},
    }
    with pytest.raises(DataError, match=r"does not know nothing\.png"):
        settings_behind("nothing.png", artefacts, PLACES)


@pytest.mark.parametrize(
    "second",
    [entry("fit", {"spectrum": {"range": [2, 5]}}), entry("train_flow", {"range": [2, 5]})],
    ids=["same section", "part of it"],
)
def test_files_with_different_settings_of_one_section_are_refused(second):
    artefacts = {
        "fits": entry("fit", {"spectrum": {"range": [2, 6]}}),
        "second": second,
        "figure": entry("draw", None, "fits", "second"),
    }
    with pytest.raises(DataError, match=r"different background\.spectrum"):
        settings_behind("figure", artefacts, PLACES)
    second["settings"] = {"spectrum": {"range": [2, 6]}, "range": [2, 6]}
    assert settings_behind("figure", artefacts, PLACES)["background"]["spectrum"] == {
        "range": [2, 6]
    }
