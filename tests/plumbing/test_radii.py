"""The radii of a sample's jets are those that something reads of it."""

import pytest
import yaml

from helpers.reruns import merged
from helpers.snakemake import HOUSE
from jetchain.plumbing import configuration
from jetchain.plumbing.radii import CALIBRATION, derived, radii_read

BASE = yaml.safe_load((HOUSE / "config/config.yaml").read_text(encoding="utf-8"))


def radii(change: dict) -> dict[str, list[float]]:
    return radii_read(configuration.load(merged(BASE, change)))


def test_classes_and_search_have_a_radius_each_and_the_calibration_both() -> None:
    found = radii({})
    assert found["top"] == found["gluon"] == [0.8]
    assert found["lhco_background"] == found["lhco_signal"] == [1.0]
    assert found[CALIBRATION] == [0.8, 1.0]
    assert found["pion_gun"] == [0.8, 1.0]  # nothing reads them: whoever asks may read any


@pytest.mark.parametrize(
    ("change", "sample", "expected"),
    [
        ({"jets": {"clustering": {"radii": [0.4]}}}, "lhco_signal", [0.4, 1.0]),
        ({"jets": {"images": {"radius": 1.2}}}, "top", [0.8, 1.2]),
        ({"jets": {"summary": {"radius": 0.6}}}, "W", [0.6, 0.8]),
        ({"jets": {"display": {"selection": {"radius": 0.4}}}}, "lhco_signal", [0.4, 1.0]),
        ({"jets": {"display": {"selection": {"radius": 0.4}}}}, "quark", [0.8]),
        ({"jets": {"summary": {"samples": ["quark"]}}}, "top", [0.8]),  # of the taggers
        ({"anomaly": {"background": ["gluon"]}}, "gluon", [0.8, 1.0]),
        ({"graphs": {"display": {"sample": "lhco_signal"}}}, "lhco_signal", [0.8, 1.0]),
        ({"firmware": {"dataset": {"samples": ["quark", "dijets"]}}}, "dijets", [0.8]),
    ],
)  # fmt: skip
def test_a_reader_s_sample_has_its_radius(change, sample, expected) -> None:
    found = radii(change)
    assert found[sample] == expected
    assert set(found[CALIBRATION]) >= set(expected)


def test_the_display_shows_the_largest_radius_or_the_one_asked_for() -> None:
    shown = derived(configuration.load(BASE))["shown_radius"]
    assert (shown["top"], shown["lhco_signal"]) == (0.8, 1.0)
    asked = merged(BASE, {"jets": {"display": {"selection": {"radius": 0.6}}}})
    assert derived(configuration.load(asked))["shown_radius"]["top"] == 0.6
