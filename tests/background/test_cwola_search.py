"""CWoLa and the cut-and-fit search on toy dijets."""

import numpy as np
import pytest

from helpers.dijets import ALONE, MASS_RANGE, SIGNAL_REGION, dijet_tables
from jetchain.anomaly import search
from jetchain.anomaly.methods.cwola import Cwola, CwolaSettings
from jetchain.anomaly.searched import Dijets
from jetchain.anomaly.settings import SearchJob
from jetchain.background import closure, selection, sideband
from jetchain.background.settings import BackgroundSettings, CutJob, SpectrumSettings
from jetchain.background.shape import fit_shape
from jetchain.core.boosting import BoostingSettings
from jetchain.core.dijets import inside, read_scores
from jetchain.core.errors import ConfigurationError, DataError, EmptySampleError
from jetchain.core.io.tables import read_csv, read_result, write_result
from jetchain.core.io.tensors import write_tensors
from jetchain.core.schema.anomaly import DIJET_TRUTH, DIJETS, SCORES
from jetchain.core.schema.background import (
    Normalisation,
    SearchYields,
    SpectrumClosure,
    SpectrumFits,
)
from jetchain.core.settings import parse

BOOSTING = BoostingSettings(trainings=2, members=1, iterations=30)
CWOLA = Cwola(CwolaSettings(boosting=BOOSTING))
SPECTRUM = SpectrumSettings(mass_range=MASS_RANGE, toys=120)
FIT = CutJob(signal_region=SIGNAL_REGION, spectrum=SPECTRUM, efficiency=0.02, scan=[0.5])


def _search(injected: int, seed: int):
    data, truth, rest = dijet_tables(background=10_000, injected=injected, seed=seed)
    scored = CWOLA.search(Dijets(data, rest, SIGNAL_REGION), seed)
    scores = [each.mean(axis=1) for each in (scored.scores, scored.signal_scores)]
    kept = selection.passes(
        data, scores[0], list(zip((data, rest), scores, strict=True)), 0.02, FIT
    )
    fits = []
    for cut in ([slice(None)] * 2, kept):
        masses = [table["m_jj"][chosen] for table, chosen in zip((data, rest), cut, strict=True)]
        spectrum = sideband.spectrum_of(masses[0], (masses[1], 0.5), FIT)
        falling = fits[0].best.density(fits[0].spectrum) if fits else None
        fits.append(fit_shape(spectrum, SPECTRUM, np.random.default_rng(seed), falling))
    return data, truth, kept, fits[1]


def test_a_planted_signal_is_enriched_and_found():
    data, truth, kept, fit = _search(injected=200, seed=1)
    chosen = inside(data["m_jj"], SIGNAL_REGION)
    is_signal = truth["is_signal"] == 1
    before = is_signal[chosen].mean()
    after = is_signal[chosen & kept[0]].mean()
    assert before < 0.15
    assert after > 4 * before
    assert fit.significance > 5
    # Signal events that were never in the data pass as often as those that were.
    injected = kept[0][is_signal].mean()
    assert kept[1].mean() == pytest.approx(injected, abs=4 * np.sqrt(0.25 / is_signal.sum()))


def test_without_a_signal_nothing_is_found():
    significances = [_search(injected=0, seed=seed)[3].significance for seed in (2, 3, 4)]
    assert np.max(np.abs(significances)) < 3
    assert abs(np.mean(significances)) < 2  # three N(0, 1) have a mean known to 0.6


def test_the_cut_keeps_its_fraction_of_every_fold():
    random = np.random.default_rng(1)
    fold = np.arange(8000) % 4
    scores = random.uniform(size=8000) + fold  # folds of different scale
    thresholds = selection.cut_by_fold(scores, fold, np.ones(8000, dtype=bool), 0.05)
    kept = scores >= thresholds[fold]
    for each in range(4):
        assert kept[fold == each].mean() == pytest.approx(0.05, abs=1 / 2000)


def test_the_cut_is_set_on_the_sidebands_alone():
    random = np.random.default_rng(1)
    m_jj = random.uniform(2.8, 6.0, 20_000)
    in_region = inside(m_jj, SIGNAL_REGION)
    data = {"m_jj": m_jj, "fold": np.arange(len(m_jj)) % 2}
    scores = random.uniform(size=len(m_jj)) + 0.5 * in_region
    (kept,) = selection.passes(data, scores, [(data, scores)], 0.02, FIT)
    assert kept[~in_region].mean() == pytest.approx(0.02, abs=2e-4)  # an event of either fold
    assert kept[in_region].mean() == pytest.approx(0.52, abs=0.04)  # 2,500 events, four sigma


def test_empty_regions_are_refused():
    data, _, _ = dijet_tables(background=400, injected=20)
    low, high = dict(data), dict(data)
    low["m_jj"] = np.full(420, 2.9)
    with pytest.raises(EmptySampleError, match="No event lies in the signal region"):
        CWOLA.search(Dijets(low, low, SIGNAL_REGION), 1)
    high["m_jj"] = np.full(420, 3.5)
    with pytest.raises(EmptySampleError, match="No event lies in the sidebands"):
        CWOLA.search(Dijets(high, high, SIGNAL_REGION), 1)
    with pytest.raises(EmptySampleError, match="keeps no event of fold 1, which has 0"):
        selection.cut_by_fold(
            np.arange(4.0), np.array([0, 1, 0, 1]), np.array([1, 0, 1, 0]) == 1, 0.5
        )
    with pytest.raises(EmptySampleError, match="of fold 0, which has 9; at least 10 are needed"):
        selection.cut_by_fold(np.ones(9), np.zeros(9, int), np.ones(9) == 1, 0.1)


def test_scores_of_other_events_are_refused(tmp_path):
    path = tmp_path / "scores.safetensors"
    write_tensors(path, SCORES, {"event_id": np.arange(3), "score": np.zeros((3, 1))})
    with pytest.raises(DataError, match="its events are not those of the data"):
        read_scores(path, {"event_id": np.arange(4)})


NORMALISATION = Normalisation(
    luminosity_fb=10.0,
    signal_acceptance=0.7,
    reference_events=300,
    reference_cross_section_fb=42.0,
    injected_events=150,
    injected_cross_section_fb=21.0,
)


def test_the_verbs_write_yields_for_the_inference(tmp_path):
    data, truth, rest = dijet_tables(background=10_000, injected=200)
    names = ("data", "truth", "signal_test", "scores", "signal_scores")
    paths = {name: tmp_path / f"{name}.safetensors" for name in names}
    write_tensors(paths["data"], DIJETS, data)
    write_tensors(paths["truth"], DIJET_TRUTH, truth)
    write_tensors(paths["signal_test"], DIJETS, rest)
    truth_path = paths.pop("truth")
    search.search(
        **paths, truth=[], template=[], extras=[], **ALONE, method="cwola", seed=1,
        settings=SearchJob(
            signal_region=SIGNAL_REGION, method={"boosting": BOOSTING.model_dump()}
        ),
    )  # fmt: skip
    outputs = {
        "fits": tmp_path / "fits.json",
        "spectra": tmp_path / "spectra.csv",
        "yields": tmp_path / "yields.json",
    }
    normalisation = tmp_path / "normalisation.json"
    write_result(normalisation, NORMALISATION)
    how = {"normalisation": normalisation, "seed": 3}
    sideband.sideband(**paths, **outputs, **how, method="cwola", settings=FIT)
    found = read_result(outputs["yields"], SearchYields)
    assert (found.method, list(found.signal_region)) == ("cwola", SIGNAL_REGION)
    assert found.constraint == "free"  # fitted with the signal
    assert (found.luminosity_fb, found.reference_cross_section_fb) == (10.0, 42.0)
    observed, background, signal = (
        np.array([getattr(each, name) for each in found.bins])
        for name in ("observed", "background", "signal")
    )
    assert np.array(found.shape.norms) @ found.shape.templates == pytest.approx(background)
    assert 0 < found.shape.signal_relative_uncertainty < 0.2
    assert 0 < signal.sum() < 300
    table = read_csv(outputs["spectra"])
    chosen = table["selection"] == 0.02
    assert (table["observed"][chosen] == observed).all()
    window = chosen & (table["window"] == 1)
    only = read_result(outputs["fits"], SpectrumFits).fits["0.02"]
    assert table["observed"][window].sum() == only.observed
    assert only.mu > 5 * np.hypot(only.mu_error, only.spurious_mu)
    assert only.observed == pytest.approx(only.background + only.signal, rel=0.2)
    first = outputs["fits"].read_bytes()
    sideband.sideband(**paths, **outputs, **how, method="cwola", settings=FIT)
    assert outputs["fits"].read_bytes() == first
    before = read_result(outputs["fits"], SpectrumFits).fits["1"]
    closure.spectrum(
        **paths, truth=truth_path, normalisation=normalisation, method="cwola", settings=FIT,
        closure=tmp_path / "closure.json", seed=1,
    )  # fmt: skip
    # Without a cut everything counts, more signal passes, and the fit is that of every method.
    del paths["scores"], paths["signal_scores"]
    sideband.inclusive(**paths, **outputs, **how, settings=FIT)
    every = read_result(outputs["yields"], SearchYields).bins
    assert sum(each.observed for each in every) == inside(data["m_jj"], MASS_RANGE).sum()
    assert sum(each.signal for each in every) > signal.sum()
    assert read_result(outputs["fits"], SpectrumFits).fits["1"] == before
    studied = read_result(tmp_path / "closure.json", SpectrumClosure).background_only
    assert set(studied) == {"0.5", "0.02"}  # the cut of the search, though the scan lacks it
    result = studied["0.02"]
    assert abs(result.spurious_significance) < 3
    assert result.jensen_shannon < result.null_mean + 5 * result.null_std


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"sideband": {"spectrum": {"mass_range": [6.0, 2.8]}}}, "mass_range"),
        ({"sideband": {"spectrum": {"orders": [4, 3]}}}, "orders must be two"),
        ({"sideband": {"spectrum": {"toys": 50}}}, "50 toys show no p-value below"),
        ({"sideband": {"efficiency": 0.0}}, "sideband.efficiency"),
        ({"abcdd": {}}, "Did you mean 'abcd'"),
    ],
)
def test_bad_settings_are_refused(values, words):
    with pytest.raises(ConfigurationError, match=words):
        parse(BackgroundSettings, values)
