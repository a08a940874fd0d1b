"""CWoLa and the cut-and-fit search on toy dijets."""

import numpy as np
import pytest

from helpers.dijets import MASS_RANGE, SIGNAL_REGION, dijet_tables
from jetchain.anomaly import search
from jetchain.anomaly.methods.cwola import Cwola, CwolaSettings
from jetchain.anomaly.searched import Dijets
from jetchain.anomaly.settings import SearchJob
from jetchain.background import closure, sideband
from jetchain.background.settings import BackgroundSettings, CutJob, SpectrumSettings
from jetchain.background.yields import make_yields
from jetchain.core.boosting import BoostingSettings
from jetchain.core.dijets import inside, read_scores
from jetchain.core.errors import ConfigurationError, DataError, EmptySampleError
from jetchain.core.io.tables import read_csv, read_result, write_result
from jetchain.core.io.tensors import write_tensors
from jetchain.core.schema.anomaly import DIJET_TRUTH, DIJETS, SCORES
from jetchain.core.schema.background import Normalisation, SearchYields, SpectrumClosure
from jetchain.core.settings import parse

BOOSTING = BoostingSettings(trainings=2, members=1, iterations=30)
CWOLA = Cwola(CwolaSettings(boosting=BOOSTING))
SPECTRUM = SpectrumSettings(mass_range=MASS_RANGE, parameters=[2, 3])
FIT = CutJob(signal_region=SIGNAL_REGION, spectrum=SPECTRUM, efficiency=0.02, scan=[0.5])


def _search(injected: int, seed: int):
    data, truth, rest = dijet_tables(background=10_000, injected=injected, seed=seed)
    scored = CWOLA.search(Dijets(data, rest, SIGNAL_REGION), seed)
    scores = [each.mean(axis=1) for each in (scored.scores, scored.signal_scores)]
    kept = sideband.passes(data, scores[0], list(zip((data, rest), scores, strict=True)), 0.02, FIT)
    _, fit, _ = sideband.fit_spectrum(data["m_jj"][kept[0]], FIT)
    return data, truth, kept, fit


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
    assert np.max(significances) < 3
    assert abs(np.mean(significances)) < 2  # three N(0, 1) have a mean known to 0.6


def test_the_cut_keeps_its_fraction_of_every_fold():
    random = np.random.default_rng(1)
    fold = np.arange(8000) % 4
    scores = random.uniform(size=8000) + fold  # folds of different scale
    thresholds = sideband.cut_by_fold(scores, fold, np.ones(8000, dtype=bool), 0.05)
    kept = scores >= thresholds[fold]
    for each in range(4):
        assert kept[fold == each].mean() == pytest.approx(0.05, abs=1 / 2000)


def test_the_cut_is_set_on_the_sidebands_alone():
    random = np.random.default_rng(1)
    m_jj = random.uniform(2.8, 6.0, 20_000)
    in_region = inside(m_jj, SIGNAL_REGION)
    data = {"m_jj": m_jj, "fold": np.arange(len(m_jj)) % 2}
    scores = random.uniform(size=len(m_jj)) + 0.5 * in_region
    (kept,) = sideband.passes(data, scores, [(data, scores)], 0.02, FIT)
    assert kept[~in_region].mean() == pytest.approx(0.02, abs=2e-4)  # an event of either fold
    assert kept[in_region].mean() == pytest.approx(0.52, abs=0.04)  # 2,500 events, four sigma


def test_yields_by_hand():
    # 100 simulated events: 20 in the bin, and ten raise the background estimate by one half each.
    in_bin = np.arange(100) < 20
    absorbed = np.where(np.arange(100) >= 90, 0.5, 0.0)
    found = make_yields(
        "cwola", 14, (10.0, 2.0), (in_bin, absorbed), NORMALISATION, SIGNAL_REGION, "gaussian"
    )
    (only,) = found.bins
    assert (only.observed, only.background, only.background_uncertainty) == (14, 10, 2)
    # Net 0.15 an event, with the variance (20 + 10 / 4) / 100 - 0.15^2 = 0.45^2; 300 expected.
    assert only.signal == pytest.approx(300 * 0.15)
    assert only.signal_uncertainty == pytest.approx(300 * 0.45 / 10)
    assert only.signal_leakage == pytest.approx(300 * 0.05)
    assert found.reference_cross_section_fb == 42.0


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
        sideband.cut_by_fold(np.ones(4), np.array([0, 1, 0, 1]), np.array([1, 0, 1, 0]) == 1, 0.5)
    with pytest.raises(EmptySampleError, match="of fold 0, which has 9; at least 10 are needed"):
        sideband.cut_by_fold(np.ones(9), np.zeros(9, int), np.ones(9) == 1, 0.1)


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
        **paths, truth=[], template=[], extras=[], method="cwola", seed=1,
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
    sideband.sideband(**paths, **outputs, normalisation=normalisation, method="cwola", settings=FIT)
    found = read_result(outputs["yields"], SearchYields)
    (only,) = found.bins
    assert (found.method, list(found.signal_region)) == ("cwola", SIGNAL_REGION)
    assert found.constraint == "gaussian"  # a fit
    assert (found.luminosity_fb, found.reference_cross_section_fb) == (10.0, 42.0)
    assert only.observed > only.background + 5 * only.background_uncertainty
    assert 0 < only.signal_uncertainty < only.signal < 300
    assert 0 <= only.signal_leakage < 0.2 * only.signal
    table = read_csv(outputs["spectra"])
    chosen = (table["selection"] == 0.02) & (table["window"] == 1)
    assert table["observed"][chosen].sum() == only.observed
    first = outputs["fits"].read_bytes()
    sideband.sideband(**paths, **outputs, normalisation=normalisation, method="cwola", settings=FIT)
    assert outputs["fits"].read_bytes() == first
    # Without a cut everything in the window counts, and more signal passes.
    scores = paths.pop("scores")
    del paths["signal_scores"]
    sideband.inclusive(**paths, **outputs, normalisation=normalisation, settings=FIT)
    (every,) = read_result(outputs["yields"], SearchYields).bins
    assert every.observed == inside(data["m_jj"], SIGNAL_REGION).sum()
    assert every.signal > only.signal
    closure.spectrum(
        data=paths["data"], truth=truth_path, scores=scores, closure=tmp_path / "closure.json",
        method="cwola", settings=FIT, seed=1,
    )  # fmt: skip
    studied = read_result(tmp_path / "closure.json", SpectrumClosure).background_only
    assert set(studied) == {"0.5", "0.02"}  # the cut of the search, though the scan lacks it
    result = studied["0.02"]
    assert abs(result.spurious_significance) < 3
    assert result.jensen_shannon < result.null_mean + 5 * result.null_std


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"sideband": {"spectrum": {"mass_range": [6.0, 2.8]}}}, "mass_range"),
        ({"sideband": {"spectrum": {"parameters": [4, 3]}}}, "numbers of parameters"),
        ({"sideband": {"efficiency": 0.0}}, "sideband.efficiency"),
        ({"abcdd": {}}, "Did you mean 'abcd'"),
    ],
)
def test_bad_settings_are_refused(values, words):
    with pytest.raises(ConfigurationError, match=words):
        parse(BackgroundSettings, values)
