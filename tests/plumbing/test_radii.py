"""The radii of a sample's jets are those that something reads of it."""

import pytest
import yaml

from helpers.reruns import merged
from helpers.snakemake import HOUSE
from jetchain.plumbing import configuration
from jetchain.plumbing.radii import CALIBRATION, JetsRead, jets_read

BASE = yaml.safe_load((HOUSE / "config/config.yaml").read_text(encoding="utf-8"))


def read(change: dict) -> JetsRead:
    return jets_read(configuration.load(merged(BASE, change)))


def test_classes_and_search_have_a_radius_each_and_the_calibration_both() -> None:
    found, true, shown = read({})
    assert found["top"] == found["gluon"] == [0.8]
    assert found["lhco_background"] == found["lhco_signal"] == [1.0]
    assert found[CALIBRATION] == [0.8, 1.0]
    assert found["pion_gun"] == [0.8, 1.0]  # nothing reads them: whoever asks may read any
    assert (true["lhco_background"], true["lhco_signal"]) == ([], [1.0])
    assert (true["top"], true["pion_gun"], true[CALIBRATION]) == ([0.8], [0.8, 1.0], [0.8, 1.0])
    assert (shown["top"], shown["lhco_signal"]) == (0.8, 1.0)


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
    found = read(change)
    assert found.radii[sample] == expected
    assert set(found.radii[CALIBRATION]) >= set(expected)
    assert set(found.truth_radii[sample]) <= set(expected)


@pytest.mark.parametrize(
    ("change", "sample", "expected"),
    [
        ({"jets": {"clustering": {"radii": [0.4]}}}, "lhco_background", [0.4]),
        ({"jets": {"images": {"radius": 1.2}}}, "quark", [0.8]),
        ({"jets": {"images": {"radius": 1.2}}}, "top", [0.8, 1.2]),  # displayed
        ({"jets": {"summary": {"radius": 0.6}}}, "quark", [0.6]),
        ({"jets": {"display": {"samples": ["lhco_background"]}}}, "lhco_background", [1.0]),
        ({"jets": {"display": {"selection": {"radius": 0.4}}}}, "W", [0.4, 0.8]),
    ],
)
def test_true_jets_are_those_that_something_reads(change, sample, expected) -> None:
    found = read(change)
    assert found.truth_radii[sample] == expected
    assert found.shown_radius[sample] in found.radii[sample]
