"""What is displayed of an event: bent tracks, clusters, transverse energy in the barrel."""

from __future__ import annotations

import numpy as np
import pytest

from helpers.detected import GEOMETRY, FakeEvent, write_detected
from jetchain.core.errors import DataError
from jetchain.core.io.tables import read_json, write_json
from jetchain.detector.display import display


@pytest.fixture
def shown(tmp_path):
    """The second of three events: two tracks, one cluster at the seam and one in the endcap."""
    events = [FakeEvent(number) for number in (3, 4, 5)]
    events[1].particle(211, pt=2.0, eta=0.3, phi=1.0)
    events[1].particle(-211, pt=50.0, eta=-1.0, phi=-3.0)
    events[1].cluster(8000.0, 0.2, np.pi - 0.005, fractions=[0, 0.6, 0, 0.4, 0, 0])
    events[1].cluster(5000.0, 2.2, 0.5, fractions=[0, 1, 0, 0, 0, 0])
    write_detected(tmp_path / "detected.root", events)
    write_json(tmp_path / "chosen.json", {"number": 4})
    display(
        events=[tmp_path / "detected.root"], chosen=tmp_path / "chosen.json", geometry=GEOMETRY,
        event=tmp_path / "event.json",
    )  # fmt: skip
    return read_json(tmp_path / "event.json")


def test_tracks_are_circles_of_the_radius_that_pt_and_field_give(shown) -> None:
    assert shown["number"] == 4
    for line, pt, turn in zip(shown["lines"], (2.0, 50.0), (-1, 1), strict=True):
        x, y = np.array(line)
        # Chord and sagitta of three points give the radius: R = c^2 / 8 s + s / 2.
        first, middle, last = (np.array([x[i], y[i]]) for i in (0, len(x) // 2, -1))
        sides = [np.linalg.norm(b - a) for a, b in ((first, middle), (middle, last), (first, last))]
        area = 0.5 * (
            (middle - first)[0] * (last - first)[1] - (middle - first)[1] * (last - first)[0]
        )
        radius = np.prod(sides) / (4 * abs(area))
        assert radius == pytest.approx(1e3 * pt / (0.299792458 * 3.8), rel=0.02)
        assert np.sign(area) == turn  # a positive charge turns clockwise
        assert np.hypot(x[-1], y[-1]) == pytest.approx(1500.0, abs=0.2)


def test_barrel_holds_the_transverse_energy_of_its_cells_only(shown) -> None:
    barrel = {name: np.array(values) for name, values in shown["barrel"].items()}
    assert barrel["et"].sum() == pytest.approx(8.0 / np.cosh(0.2), rel=0.01)
    by_layer = np.bincount(barrel["layer"], barrel["et"], minlength=6)
    assert by_layer[1] == pytest.approx(1.5 * by_layer[3], rel=0.02)
    # The cluster lies at the seam: cells at both ends of the azimuth, none between.
    assert set(barrel["bin"][barrel["layer"] == 1]) <= {0, 1, 2, 253, 254, 255}
    assert {0, 255} <= set(barrel["bin"][barrel["layer"] == 1])


def test_clusters_come_with_the_share_of_the_ECAL(shown) -> None:
    assert shown["cluster"]["electromagnetic_fraction"] == pytest.approx([0.6, 1.0])
    assert shown["cluster"]["e"] == pytest.approx([8.0, 5.0])


def test_radii_follow_from_the_slabs(shown) -> None:
    layers = shown["radii"]["layers"]
    assert [layer["name"] for layer in layers] == [
        "ECAL1", "ECAL2", "ECAL3", "HCAL1", "HCAL2", "HCAL3",
    ]  # fmt: skip
    assert layers[0]["inner"] == 1500.0
    assert layers[3]["inner"] == pytest.approx(layers[2]["outer"] + 80.0)  # the gap
    assert layers[-1]["outer"] == pytest.approx(4063.84)


def test_an_event_that_is_not_there_is_refused(tmp_path) -> None:
    write_detected(tmp_path / "detected.root", [FakeEvent(1)])
    write_json(tmp_path / "chosen.json", {"number": 4})
    with pytest.raises(DataError, match="no event 4"):
        display(
            events=[tmp_path / "detected.root"], chosen=tmp_path / "chosen.json", geometry=GEOMETRY,
            event=tmp_path / "event.json",
        )  # fmt: skip


def test_an_event_without_tracks_and_clusters_is_displayed(tmp_path) -> None:
    write_detected(tmp_path / "detected.root", [FakeEvent(1)])
    write_json(tmp_path / "chosen.json", {"number": 1})
    display(
        events=[tmp_path / "detected.root"], chosen=tmp_path / "chosen.json", geometry=GEOMETRY,
        event=tmp_path / "event.json",
    )  # fmt: skip
    empty = read_json(tmp_path / "event.json")
    assert empty["lines"] == empty["track"]["pt"] == empty["cluster"]["e"] == []
    assert empty["barrel"] == {"layer": [], "bin": [], "et": []}
