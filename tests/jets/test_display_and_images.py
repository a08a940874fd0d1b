"""The event that is displayed, and the average images, on jets made by hand."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest

from helpers.raw import for_collections
from jetchain.core.histograms import load_histograms
from jetchain.core.io.events import write_events
from jetchain.core.io.tables import read_json
from jetchain.core.kinematics import cartesian, delta_phi
from jetchain.core.schema.generate import GENERATED
from jetchain.core.schema.jets import JET, JET_CLASSES, jets_table
from jetchain.core.schema.particleflow import RECONSTRUCTED
from jetchain.jets.display import display
from jetchain.jets.images import images
from jetchain.jets.settings import ImageSettings, SelectionJobSettings

W = JET_CLASSES.index("W")
MASS, PT = 80.4, 600.0


def collection(columns: dict, counts: list[int]) -> dict:
    return {name: ak.unflatten(np.asarray(values), counts) for name, values in columns.items()}


def jets_of(pt, phi, counts, constituents, label=W) -> dict:
    columns = {name: np.zeros(len(pt)) for name in JET if name != "constituents"}
    columns |= {"pt": pt, "phi": phi, "label": np.full(len(pt), label)}
    return collection(columns, counts) | {"constituents": ak.unflatten(constituents, counts)}


def write_pair(path, prongs, weight=1.0, radius=0.8):
    """One jet an event of two prongs: pT, eta and phi (events, 2) each; returns both files."""
    pt, eta, phi = (np.asarray(each, float) for each in prongs)
    events, counts = len(pt), [1] * len(pt)
    event = {"number": np.arange(events), "weight": np.full(events, weight)}
    px, py, pz, e = cartesian(pt, eta, phi)
    axis = np.arctan2(py.sum(axis=1), px.sum(axis=1))
    jets = jets_of(pt.sum(axis=1), axis, counts, ak.Array([[0, 1]] * events))
    table = jets_table((radius,))
    write_events(path / "jets.root", table, {"event": event, **for_collections(table, jets)})
    columns = dict.fromkeys(RECONSTRUCTED.collections["pflow"], np.zeros(2 * events))
    columns |= {
        name: values.ravel()
        for name, values in zip(("px", "py", "pz", "e"), (px, py, pz, e), strict=True)
    }
    pflow = {"event": event, "pflow": collection(columns, [2] * events)}
    write_events(path / "pflow.root", RECONSTRUCTED, pflow)
    return path / "jets.root", path / "pflow.root"


def decays(events: int, share) -> tuple:
    """W bosons of one pT that decay at random azimuths of the decay plane, some over the seam."""
    random = np.random.default_rng(2)
    share = np.broadcast_to(share, events)
    distance = MASS / PT / np.sqrt(share * (1 - share))
    angle = random.uniform(0, 2 * np.pi, events)
    centre = random.choice([0.3, np.pi - 0.01, -np.pi], events)
    fractions = np.stack([1 - share, share], axis=1)
    offset = np.stack([share, share - 1], axis=1) * distance[:, None]
    return (
        PT * fractions,
        offset * np.cos(angle)[:, None],
        delta_phi(centre[:, None] + offset * np.sin(angle)[:, None], 0.0),
    )


def image(path, prongs, weight=1.0, **settings):
    jets, particles = write_pair(path, prongs, weight)
    images(
        jets=[jets], particles=[particles], histograms=path / "h.json", summary=path / "s.json",
        settings=ImageSettings(**settings),
    )  # fmt: skip
    return load_histograms(path / "h.json"), read_json(path / "s.json")


def test_image_of_W_jets_has_a_second_spot_at_2m_over_pt(tmp_path) -> None:
    """For equal sharing; the pair is symmetric about the centroid."""
    loaded, summary = image(tmp_path, decays(200, 0.4999))
    mean = loaded["W"].values()
    assert set(loaded) == {"W"}
    assert summary["W"]["jets"] == 200
    assert mean.sum() == pytest.approx(1.0)
    across, along = np.nonzero(mean > 0.1)
    centres = loaded["W"].axes[1].centers
    width = loaded["W"].axes[1].widths[0]
    assert set(across) == {16}  # the middle one
    assert centres[along].max() - centres[along].min() == pytest.approx(2 * MASS / PT, abs=width)


def test_image_has_its_centroid_at_zero_and_its_total_at_one(tmp_path) -> None:
    share = np.random.default_rng(3).uniform(0.1, 0.49, 300)
    loaded, summary = image(tmp_path, decays(300, share))
    histogram = loaded["W"]
    assert histogram.values().sum() + summary["W"]["outside"] == pytest.approx(1.0)
    for axis in (0, 1):
        shares = histogram.values().sum(axis=1 - axis)
        assert shares @ histogram.axes[axis].centers == pytest.approx(0, abs=0.01)


def test_errors_of_the_mean_image_are_those_of_a_mean(tmp_path) -> None:
    """Half of the jets have their prongs wide apart: a pixel is full or empty."""
    share = np.repeat([0.4999, 0.1], 100)
    loaded, _ = image(tmp_path, decays(200, share))
    mean, variance = loaded["W"].values(), loaded["W"].variances()
    place = np.unravel_index(np.argmax(variance), mean.shape)
    full = mean[place] * 2  # of the share of the jets that have it
    assert variance[place] == pytest.approx((full / 2) ** 2 / 200, rel=1e-6)


def write_display(path, pt, phi, counts=(1, 1, 1)) -> dict:
    """Three events of one jet each, and their partons: a top that decays, listed after it."""
    table = jets_table((1.0,))
    event = {"number": np.array([7, 8, 9]), "weight": np.ones(3)}
    constituents = ak.unflatten(np.zeros(len(pt), int), np.ones(len(pt), int))
    jets = jets_of(np.asarray(pt), phi, list(counts), constituents, label=-1)
    write_events(path / "jets.root", table, {"event": event, **for_collections(table, jets)})
    partons = {
        "pdgid": np.tile([21, 6, 5, 24, 2, -1], 3),
        "mother": np.tile([-1, 0, 1, 1, 3, 3], 3),
        **{name: np.ones(18) for name in ("px", "py", "pz", "e")},
    }
    data = {
        "event": event | {name: np.zeros(3) for name in GENERATED.event if name not in event},
        "parton": collection(partons, [6] * 3),
    }
    for name in ("particle", "hadron"):
        empty = dict.fromkeys(GENERATED.collections[name], np.zeros(0))
        data[name] = collection(empty, [0] * 3)
    write_events(path / "truth.root", GENERATED, data)
    return {
        "jets": [path / "jets.root"],
        "truth": [path / "truth.root"],
        "event": path / "event.json",
    }


def test_the_first_event_that_passes_is_displayed(tmp_path) -> None:
    files = write_display(tmp_path, [499.0, 501.0, 900.0], [0.0, 3.1, 0.0])
    display(**files, settings=SelectionJobSettings(radius=1.0, pt_min=500.0))
    shown = read_json(tmp_path / "event.json")
    assert (shown["number"], shown["position"], shown["passes"]) == (8, 1, True)
    assert shown["jets"]["label"] == ["unmatched"]
    assert shown["truth"]["phi"] == pytest.approx([3.1])
    assert shown["parton"]["pdgid"] == [5, 2, -1]
    assert shown["parton"]["mother_pdgid"] == [6, 24, 24]


def test_if_none_passes_the_event_with_the_hardest_leading_jet_is_displayed(tmp_path) -> None:
    files = write_display(tmp_path, [499.0, 900.0, 501.0], [0.0, 3.1, 0.0])
    display(**files, settings=SelectionJobSettings(radius=1.0, pt_min=1000.0))
    shown = read_json(tmp_path / "event.json")
    assert (shown["number"], shown["pt_min"], shown["passes"]) == (8, 1000.0, False)
    assert shown["jets"]["pt"] == [900.0]


def test_without_any_jet_an_event_is_displayed_all_the_same(tmp_path) -> None:
    files = write_display(tmp_path, [], [], counts=[0, 0, 0])
    display(**files, settings=SelectionJobSettings(radius=1.0, pt_min=500.0))
    shown = read_json(tmp_path / "event.json")
    assert (shown["number"], shown["passes"], shown["jets"]["pt"]) == (7, False, [])


@pytest.mark.parametrize("change", [{"pt_min": 900.0, "pt_max": 1000.0}, {"weight": 0.0}])
def test_no_jet_in_the_window_or_no_weight_is_no_image(tmp_path, change) -> None:
    loaded, summary = image(tmp_path, decays(3, 0.4), **change)
    assert loaded == summary == {}
