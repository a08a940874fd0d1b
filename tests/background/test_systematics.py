"""The varied signal of a search in its bins: laws of counting, the jackknife, and what is kept."""

from __future__ import annotations

import numpy as np
import pytest

from helpers.dijets import MASS_RANGE, SIGNAL_REGION, dijet_tables
from jetchain.background import abcd, sideband, systematics
from jetchain.background.settings import (
    AbcdJob,
    CollectJob,
    CutJob,
    SignalSettings,
    SpectrumJob,
    SpectrumSettings,
)
from jetchain.core.errors import DataError
from jetchain.core.io.tables import read_result, write_result
from jetchain.core.io.tensors import read_tensors, write_tensors
from jetchain.core.schema.anomaly import DIJETS, SCORES, VARIED, DijetCutflow, SelectionCounts
from jetchain.core.schema.background import (
    Normalisation,
    Search,
    SearchYields,
    SignalVariation,
)

SPECTRUM = SpectrumSettings(mass_range=MASS_RANGE, toys=120)
REFERENCE, TRAININGS = 200, 4
BINS = {"signal_region": SIGNAL_REGION, "mass_range": MASS_RANGE, "bin_width": 0.1}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Data and signal with scores, ranks, yields of all three kinds of search."""
    folder = tmp_path_factory.mktemp("search")
    data, truth, test = dijet_tables(background=6000, injected=150, test=400, seed=3)
    random = np.random.default_rng(4)
    is_signal = {"data": truth["is_signal"], "test": np.ones(len(test["m_jj"]))}
    for name, table in (("data", data), ("test", test)):
        write_tensors(folder / f"{name}.safetensors", DIJETS, table)
        quality = is_signal[name][:, None] * 1.5
        scores = quality + random.standard_normal((len(table["m_jj"]), TRAININGS))
        ranks = 1 / (1 + np.exp(-quality - random.standard_normal((len(table["m_jj"]), 2))))
        for kind, values in (("scores", scores), ("planes", ranks)):
            write_tensors(folder / f"{name}_{kind}.safetensors", SCORES,
                          {"event_id": table["event_id"], "score": values})  # fmt: skip
    write_result(
        folder / "n.json",
        Normalisation(luminosity_fb=10.0, signal_acceptance=0.5, reference_events=REFERENCE,
                      reference_cross_section_fb=40.0, injected_events=150,
                      injected_cross_section_fb=30.0),
    )  # fmt: skip
    common = {"data": folder / "data.safetensors", "signal_test": folder / "test.safetensors",
              "normalisation": folder / "n.json"}  # fmt: skip
    extra = {"fits": folder / "f.json", "spectra": folder / "s.csv"}
    sideband.sideband(
        scores=folder / "data_scores.safetensors", signal_scores=folder / "test_scores.safetensors",
        yields=folder / "cut.json", method="cut", seed=1,
        settings=CutJob(signal_region=SIGNAL_REGION, spectrum=SPECTRUM, efficiency=0.05, scan=[]),
        **common, **extra,
    )  # fmt: skip
    sideband.inclusive(
        yields=folder / "inclusive.json", seed=1,
        settings=SpectrumJob(signal_region=SIGNAL_REGION, spectrum=SPECTRUM), **common, **extra,
    )  # fmt: skip
    abcd.predict(
        planes=folder / "data_planes.safetensors",
        signal_planes=folder / "test_planes.safetensors", yields=folder / "abcd.json",
        method="abcd", **common,
        settings=AbcdJob(signal_region=SIGNAL_REGION, mass_range=MASS_RANGE, efficiency=0.1),
    )  # fmt: skip
    return folder, test, common


KINDS = {"cut": ("scores", 0.05), "inclusive": ("", 0.0), "abcd": ("planes", 0.0)}


def counted(made, kind, pieces):
    """The variation of signal events with masses, weights and directions."""
    folder, test, common = made
    of_cut, efficiency = KINDS[kind]
    rows = np.concatenate([np.asarray(rows) for rows, *_ in pieces])
    table = {name: values[rows] for name, values in test.items()} | {
        "event_id": np.arange(len(rows))
    }
    for name, place in (("m_jj", 1), ("weight", 2), ("direction", 3)):
        parts = [np.broadcast_to(piece[place], len(piece[0])) for piece in pieces]
        table[name] = np.concatenate(parts)
    write_tensors(folder / "varied.safetensors", VARIED, table)
    if of_cut:
        own = read_tensors(folder / f"test_{of_cut}.safetensors", SCORES)["score"][rows]
        scores = {"event_id": table["event_id"], "score": own}
        write_tensors(folder / "varied_scores.safetensors", SCORES, scores)
    names = {"scores": "data_", "signal_scores": "test_"} if of_cut else {}
    paths = {what: [] for what in ("scores", "signal_scores", "varied_scores")} | {
        what: [folder / f"{first}{of_cut}.safetensors"] for what, first in names.items()
    }
    if of_cut:
        paths["varied_scores"] = [folder / "varied_scores.safetensors"]
    systematics.vary(
        **common, **paths, varied=folder / "varied.safetensors", yields=folder / f"{kind}.json",
        variation=folder / f"{kind}_v.json", method=kind, systematic="jes",
        settings=systematics.VariedCutJob(**BINS, efficiency=efficiency),
    )  # fmt: skip
    return read_result(folder / f"{kind}_v.json", SignalVariation)


@pytest.mark.parametrize("kind", list(KINDS))
def test_the_same_events_are_the_signal_of_the_search(made, kind):
    test = made[1]
    every = np.arange(len(test["m_jj"]))
    found = counted(made, kind, [(every, test["m_jj"], 1.0, 1), (every, test["m_jj"], 0.5, -1)])
    np.testing.assert_allclose(found.up, found.nominal)
    np.testing.assert_allclose(found.down, 0.5 * np.array(found.nominal))
    yields = read_result(made[0] / f"{kind}.json", SearchYields)
    own = [each.signal + each.signal_leakage for each in yields.bins]
    if kind == "abcd":  # its yields are those of half of the events
        assert sum(found.nominal) == pytest.approx(sum(own), rel=0.15)
    else:
        np.testing.assert_allclose(found.nominal, own, rtol=1e-12)


@pytest.mark.parametrize("kind", list(KINDS))
def test_masses_out_of_range_are_lost_and_one_direction_stays_alone(made, kind):
    test = made[1]
    every = np.arange(len(test["m_jj"]))
    found = counted(made, kind, [(every, 10.0, 1.0, -1)])
    assert found.up is None
    assert not np.any(found.down)
    none = counted(made, kind, [(every[:0], 3.5, 1.0, 1)])
    assert (none.up, none.down) == (None, None)


def test_a_moved_mass_moves_between_bins(made):
    every = np.arange(len(made[1]["m_jj"]))
    found = counted(made, "inclusive", [(every, 3.349, 1.0, 1)])
    assert np.count_nonzero(found.up) == 1
    assert sum(found.up) == pytest.approx(REFERENCE)
    edges = [3.3, 3.4, 5.999, 6.0, 2.799, 2.8]
    found = counted(made, "inclusive", [(np.arange(6), np.array(edges), 1.0, 1)])
    assert sum(found.up) == pytest.approx(4 * REFERENCE / len(every))


def test_the_jackknife_is_that_of_the_mean_of_the_trainings(made):
    folder, _, common = made
    job = systematics.VariedCutJob(**BINS, efficiency=0.05)
    systematics.training(
        **common, scores=folder / "data_scores.safetensors",
        signal_scores=folder / "test_scores.safetensors", variation=folder / "t.json",
        method="cut", settings=job,
    )  # fmt: skip
    found = read_result(folder / "t.json", SignalVariation)
    relative = np.array(found.up).sum() / np.array(found.nominal).sum() - 1
    assert 0.003 < relative < 0.2
    np.testing.assert_allclose(np.array(found.up) * np.array(found.down),
                               np.array(found.nominal) ** 2)  # fmt: skip
    assert sum(found.nominal) == pytest.approx(
        sum(each.signal for each in read_result(folder / "cut.json", SearchYields).bins)
    )


def collected(made, variations, **settings):
    folder = made[0]
    paths = []
    for index, each in enumerate(variations):
        paths.append(folder / f"variation{index}.json")
        write_result(paths[-1], each)
    count = SelectionCounts(events=1, two_jets=1, trigger=1, selected=1)
    write_result(folder / "cutflow.json", DijetCutflow(
        background=count, signal=count, injected_events=150, data=6000,
        signal_test=len(made[1]["m_jj"]),
    ))  # fmt: skip
    systematics.collect(
        yields=folder / "cut.json", variations=paths, normalisation=folder / "n.json",
        cutflow=folder / "cutflow.json", search=folder / "search.json", method="cut",
        settings=CollectJob(**BINS, systematics=SignalSettings(**settings)),
    )  # fmt: skip
    return read_result(folder / "search.json", Search)


def test_what_matters_is_collected(made):
    yields = read_result(made[0] / "cut.json", SearchYields)
    signal = np.array([each.signal for each in yields.bins])
    big, small, unknown = (
        SignalVariation(method="cut", systematic=name, nominal=signal, up=up, down=None)
        for name, up in (("jes", 1.1 * signal), ("jms", 1.001 * signal), ("jer", None))
    )
    found = collected(made, [big, small, unknown], prune=0.01, cross_section=0.05, statistics=0.0)
    assert [each.systematic for each in found.variations] == ["jes", "cross_section"]
    weight = REFERENCE / len(made[1]["m_jj"])
    np.testing.assert_allclose(found.signal_statistics, np.sqrt(signal * weight))
    assert found.shape.signal_relative_uncertainty == 0.0
    assert [each.systematic for each in collected(made, [big, small]).variations] == ["jes", "jms"]
    loose = collected(made, [], statistics=0.4).signal_statistics
    expected = signal + [each.background for each in yields.bins]
    kept = np.sqrt(signal * weight) >= 0.4 * np.sqrt(expected)
    np.testing.assert_array_equal(np.array(loose) > 0, kept & (signal > 0))
    assert 0 < kept.sum() < np.count_nonzero(signal)
    inside = [name == "signal_region" for name in found.regions]
    assert sum(inside) == 4
    assert found.regions == sorted(found.regions, key=systematics.REGIONS.index)
    names = [each.name for each, own in zip(found.bins, inside, strict=True) if own]
    assert (names[0][:3], names[-1][4:7]) == ("3.3", "3.7")


def test_a_variation_of_another_search_is_refused(made):
    other = SignalVariation(method="cwola", systematic="jes", nominal=[1.0], up=[1.0], down=None)
    with pytest.raises(DataError, match="of 'cwola' with 1 bins, not of 'cut'"):
        collected(made, [other])
