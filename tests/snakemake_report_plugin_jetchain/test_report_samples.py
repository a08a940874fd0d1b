"""What a figure traces back to, and the luminosity that it is worth."""

import math

import pytest

from jetchain.core.io.tables import write_json
from snakemake_report_plugin_jetchain.samples import (
    Samples,
    equivalent_luminosity,
    shards_above,
    summary,
)

PARENTS = {
    "results/reporting/jets/mass.png": ["results/jets/histograms.json"],
    "results/jets/histograms.json": ["results/jets/top/0000.root", "results/jets/top/0001.root"],
    "results/jets/top/0000.root": [
        "results/generate/top/0000.root", "results/particleflow/calibration.json",
    ],
    "results/jets/top/0001.root": [
        "results/generate/top/0001.root", "results/particleflow/calibration.json",
    ],
    "results/particleflow/calibration.json": ["results/generate/photon_gun/0000.root"],
    "results/other.png": ["results/generate/W/0000.root"],
}  # fmt: skip
FIGURE = "results/reporting/jets/mass.png"


def account(events, weight=1.0, cross_section=0.5, process="top"):
    return {
        "cutflow": {"kept": events},
        "sum_of_weights_kept": events * weight,
        "sum_of_squared_weights_kept": events * weight**2,
        "cross_section_kept_pb": cross_section,
        "process": process,
    }


@pytest.fixture
def samples(tmp_path):
    write_json(tmp_path / "top" / "0000.json", account(40, cross_section=0.4))
    write_json(tmp_path / "top" / "0001.json", account(60, cross_section=0.6))
    write_json(tmp_path / "top" / "summary.json", account(100))
    write_json(tmp_path / "photon_gun" / "0000.json", account(1200, 1.0, None, "gun"))
    return Samples(PARENTS, tmp_path)


def test_the_shards_above_a_figure_are_found_once_each():
    assert shards_above(FIGURE, PARENTS) == {"top": ["0000", "0001"], "photon_gun": ["0000"]}
    assert shards_above("results/unknown.png", PARENTS) == {}


def test_a_circle_of_parents_ends():
    assert shards_above("a", {"a": ["b"], "b": ["a", "results/generate/W/0000.root"]}) == {
        "W": ["0000"]
    }


def test_collisions_have_a_luminosity_and_guns_none(samples):
    top, gun = samples.above(FIGURE)
    assert (top.sample, top.events, top.is_gun) == ("top", 100, False)
    # 100 events at 0.5 pb, the cross-section of both shards together.
    assert math.isclose(top.luminosity_fb, 0.2)
    assert top.text == "top 100 events (0.20 fb⁻¹)"
    assert gun.text == "photon_gun 1,200 events (particle gun)"
    assert summary([top, gun]) == (
        "Traces back to 2 samples, trainings and calibrations included: "
        "100 collisions, 1,200 events of particle guns"
    )


def test_a_part_of_a_sample_is_worth_its_part_of_the_luminosity(samples):
    (top,) = [each for each in samples.above("results/jets/top/0000.root") if not each.is_gun]
    assert top.events == 40
    assert math.isclose(top.luminosity_fb, 0.08)


def test_an_empty_shard_does_not_hide_the_cross_section(tmp_path):
    write_json(tmp_path / "top" / "0000.json", account(0, cross_section=0.0))
    write_json(tmp_path / "top" / "0001.json", account(60, cross_section=0.6))
    write_json(tmp_path / "photon_gun" / "0000.json", account(1200, 1.0, None, "gun"))
    (top,) = [each for each in Samples(PARENTS, tmp_path).above("results/jets/histograms.json")
              if not each.is_gun]  # fmt: skip
    assert math.isclose(top.luminosity_fb, 0.1)


def test_equal_weights_change_no_luminosity_and_unequal_ones_lower_it():
    plain = equivalent_luminosity(100.0, 100.0, 0.5)
    assert equivalent_luminosity(300.0, 900.0, 0.5) == plain
    # Half of the events with thrice the weight of the others: 20 % is lost.
    assert math.isclose(equivalent_luminosity(200.0, 500.0, 0.5), 0.8 * plain)
    assert equivalent_luminosity(100.0, 100.0, None) is None
    assert equivalent_luminosity(0.0, 0.0, 0.5) is None
