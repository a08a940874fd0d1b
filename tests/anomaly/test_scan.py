"""Points of a scan: what each draws anew, what they share, and what the truth cannot change."""

from itertools import combinations

import numpy as np
import pytest

from helpers.dijets import ALONE, MASS_RANGE, SIGNAL_REGION, dijet_tables
from jetchain.anomaly import scan, search
from jetchain.anomaly.methods import METHODS
from jetchain.anomaly.settings import (
    AnomalySettings,
    InjectionJob,
    JudgementJob,
    ScanSettings,
    SearchJob,
)
from jetchain.background.settings import CutJob, SpectrumSettings
from jetchain.background.sideband import sideband
from jetchain.core.dijets import inside
from jetchain.core.errors import EmptySampleError
from jetchain.core.io.tables import read_result, write_result
from jetchain.core.io.tensors import read_tensors, write_tensors
from jetchain.core.metrics import auc
from jetchain.core.schema.anomaly import DIJET_TRUTH, DIJETS, SCORES
from jetchain.core.schema.background import Normalisation
from jetchain.core.schema.scan import Injection, Judgement

BOOSTING = {"trainings": 1, "members": 1, "iterations": 20}
WHOLE = Normalisation(
    luminosity_fb=10.0, signal_acceptance=0.5, reference_events=200,
    reference_cross_section_fb=40.0, injected_events=150, injected_cross_section_fb=30.0,
)  # fmt: skip
OUTPUTS = {
    "data": "data.safetensors", "truth": "truth.safetensors",
    "signal_test": "signal_test.safetensors", "background_test": "background_test.safetensors",
    "injection": "injection.json",
    "scaled": "normalisation.json",
}  # fmt: skip


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    """The events of a search, as `anomaly.features` leaves them."""
    folder = tmp_path_factory.mktemp("pool")
    tables = dijet_tables(background=4000, injected=150, test=650)
    for name, kind, table in zip(
        ("pool_data", "pool_truth", "pool_signal"), (DIJETS, DIJET_TRUTH, DIJETS), tables,
        strict=True,
    ):  # fmt: skip
        write_tensors(folder / f"{name}.safetensors", kind, table)
    write_result(folder / "whole.json", WHOLE)
    return folder


def inject(pool, folder, strength="1", replica=0, seed=3, **settings):
    folder.mkdir(exist_ok=True)
    job = {"signal_region": SIGNAL_REGION, "home": SIGNAL_REGION, "share": 1.0, "mass_shift": 0.0}
    scan.inject(
        **{name: pool / f"{name}.safetensors" for name in ("pool_data", "pool_truth")},
        pool_signal=pool / "pool_signal.safetensors", normalisation=pool / "whole.json",
        **{name: folder / file for name, file in OUTPUTS.items()},
        strength=strength, replica=str(replica), settings=InjectionJob(**job | settings), seed=seed,
    )  # fmt: skip
    return tables_of(folder)


def tables_of(folder):
    data = read_tensors(folder / "data.safetensors", DIJETS)
    is_signal = read_tensors(folder / "truth.safetensors", DIJET_TRUTH)["is_signal"] == 1
    return data, is_signal, read_tensors(folder / "signal_test.safetensors", DIJETS)


def events(table, chosen=slice(None)):
    """Each event by its bytes."""
    return {row.tobytes() for row in table["features"][chosen]}


@pytest.mark.parametrize(("share", "replicas"), [(0.25, 10), (0.4, 5), (1.0, 3), (0.05, 20)])
def test_replicas_share_no_more_background_than_they_must(share, replicas):
    number = 40_000
    masks = [scan.dealt(number, share, replica, seed=7) for replica in range(replicas)]
    for mask in masks:
        assert mask.mean() == pytest.approx(share, abs=5 * np.sqrt(share * (1 - share) / number))
    common = [(a & b).sum() / a.sum() for a, b in combinations(masks, 2)]
    # As many as there are whole shares are disjoint, whichever these are.
    parts = int(1 / share + 1e-9)
    for turn in range(0, replicas, parts):
        assert not any((a & b).any() for a, b in combinations(masks[turn : turn + parts], 2)) or (
            share == 1.0
        )
    assert np.mean(common) == pytest.approx(scan.shared_background(replicas, share), abs=0.01)
    # Of parts that are dealt apart, one does not tell the size of the next: Poisson's law.
    assert len({int(mask.sum()) for mask in masks}) > 1 or share == 1.0


def test_injections_are_drawn_anew_for_each_replica_and_strength(pool, tmp_path):
    drawn, numbers = {}, []
    for strength in ("1", "1.5"):
        for replica in range(4):
            data, is_signal, rest = inject(pool, tmp_path / "p", strength, replica)
            drawn[strength, replica] = events(data, is_signal)
            numbers.append(is_signal.sum() / float(strength))
            assert not drawn[strength, replica] & events(rest)
            assert len(drawn[strength, replica] | events(rest)) == 800
    # Independent draws of n and m out of 800 have n m / 800 in common, within their spread.
    for first, second in combinations(drawn.values(), 2):
        expected = len(first) * len(second) / 800
        assert abs(len(first & second) - expected) < 5 * np.sqrt(expected)
    assert len({len(each) for each in drawn.values()}) > 4  # numbers are drawn as well
    assert np.mean(numbers) == pytest.approx(200, abs=5 * np.sqrt(200 / 8))


def test_windows_methods_and_shifts_are_compared_on_the_same_events(pool, tmp_path):
    data, is_signal, rest = inject(pool, tmp_path / "a")
    moved, same, model = inject(pool, tmp_path / "b", signal_region=[4.1, 4.5], mass_shift=0.1)
    assert np.array_equal(data["m_jj"], moved["m_jj"])
    assert np.array_equal(is_signal, same)
    change = moved["features"] - data["features"]
    assert change[:, :2] == pytest.approx(0.1 * np.repeat(data["m_jj"][:, None], 2, 1))
    assert not change[:, 2:].any()
    # What is sought in another window has its mass there; what is in the data stays.
    assert model["m_jj"] == pytest.approx(rest["m_jj"] * 4.3 / 3.5)


def test_a_point_tells_what_is_in_it(pool, tmp_path):
    data, is_signal, _ = inject(pool, tmp_path / "a", "0.5", share=0.5)
    told = read_result(tmp_path / "a" / "injection.json", Injection)
    window = inside(data["m_jj"], SIGNAL_REGION)
    assert told.injected_events == is_signal.sum()
    assert told.background_in_window == (window & ~is_signal).sum()
    assert told.reference_events == 100
    assert told.initial_significance == pytest.approx(
        told.signal_in_window / np.sqrt(told.background_in_window)
    )
    assert 0.9 * 50 < told.signal_in_window <= 50
    scaled = read_result(tmp_path / "a" / "normalisation.json", Normalisation)
    # Half of the luminosity: half of the events, the same cross-section.
    assert scaled.luminosity_fb == 5.0
    assert scaled.reference_cross_section_fb == WHOLE.reference_cross_section_fb
    assert scaled.injected_cross_section_fb == pytest.approx(40.0 * is_signal.sum() / 100)


def test_the_draw_does_not_depend_on_what_the_search_has_injected(pool, tmp_path):
    """The events of a pool are the same, whichever of the signal are in the search's own data."""
    tables = dijet_tables(background=4000, injected=150, test=650)
    background, signal = scan.pool(*tables)
    again = [
        {name: values[chosen] for name, values in tables[0].items()}
        for chosen in (tables[1]["is_signal"] == 0, tables[1]["is_signal"] == 1)
    ]
    other = {
        name: np.concatenate([again[1][name], tables[2][name]]) for name in ("m_jj", "features")
    }
    none = {**again[0], "event_id": np.arange(4000)}, {"is_signal": np.zeros(4000, int)}, other
    for table, same in zip((background, signal), scan.pool(*none), strict=True):
        assert all(np.array_equal(table[name], same[name]) for name in table)


@pytest.mark.parametrize(("strength", "share"), [("5", 1.0), ("0.5", 1e-9)])
def test_too_few_events_are_refused_with_the_keys_of_the_scan(pool, tmp_path, strength, share):
    with pytest.raises(EmptySampleError, match=r"of 800 simulated|0 background"):
        inject(pool, tmp_path / "a", strength, share=share)


# ------------------------------------------------------------------------------- scores and truth


def scored(folder, name, boosting=BOOSTING, alone=False):
    method, apart = METHODS[name], ALONE if alone else {
        "background_test": [folder / "background_test.safetensors"],
        "background_scores": [folder / f"{name}_background.safetensors"],
    }  # fmt: skip
    search.search(
        data=folder / "data.safetensors", signal_test=folder / "signal_test.safetensors",
        truth=[folder / "truth.safetensors"] if method.reference else [], template=[],
        scores=folder / f"{name}.safetensors", signal_scores=folder / f"{name}_signal.safetensors",
        **apart, extras=[], method=name, seed=5,
        settings=SearchJob(
            signal_region=SIGNAL_REGION, method={"boosting": boosting} if method.settings else None
        ),
    )  # fmt: skip


def judged(folder, name):
    scan.judge(
        **{each: folder / f"{each}.safetensors" for each in ("data", "truth", "signal_test")},
        scores=folder / f"{name}.safetensors", signal_scores=folder / f"{name}_signal.safetensors",
        background_test=folder / "background_test.safetensors",
        background_scores=folder / f"{name}_background.safetensors",
        judgement=folder / "judgement.json",
        settings=JudgementJob(
            signal_region=SIGNAL_REGION, background_efficiencies=[0.1, 0.001], minimum_background=5
        ),
    )  # fmt: skip
    return read_result(folder / "judgement.json", Judgement)


def test_improvement_stands_at_fixed_efficiencies_and_not_where_too_little_is_left(pool, tmp_path):
    data, _, rest = inject(pool, tmp_path / "a")
    # A score that keeps half of the signal, and a tenth of the background.
    random = np.random.default_rng(2)
    for table, name, share in ((data, "known", 0.1), (rest, "known_signal", 0.5)):
        score = (random.random(len(table["m_jj"])) < share) + 1e-6 * random.random(
            len(table["m_jj"])
        )
        write_tensors(
            tmp_path / "a" / f"{name}.safetensors", SCORES,
            {"event_id": table["event_id"], "score": score[:, None]},
        )  # fmt: skip
    found = judged(tmp_path / "a", "known")
    first, second = found.cuts
    assert not found.independent  # all of the background is in the data
    assert first.signal_efficiency == pytest.approx(0.5, abs=0.08)
    assert first.improvement == pytest.approx(first.signal_efficiency / np.sqrt(0.1))
    assert second.improvement is None  # one event or none


@pytest.mark.parametrize("name", ["cwola", "supervised", "mahalanobis"])
def test_the_background_that_a_replica_lacks_judges_it_and_changes_no_score(pool, tmp_path, name):
    folder = tmp_path / "a"
    data, is_signal, _ = inject(pool, folder, share=0.25)
    apart = read_tensors(folder / "background_test.safetensors", DIJETS)
    every, _, _ = inject(pool, tmp_path / "b")
    in_window = inside(every["m_jj"], SIGNAL_REGION)
    assert not events(apart) & events(data)
    assert inside(apart["m_jj"], SIGNAL_REGION).all()
    assert events(every, in_window) >= events(apart) | events(
        data, inside(data["m_jj"], SIGNAL_REGION) & ~is_signal
    )
    scored(folder, name)
    found = judged(folder, name)
    assert (found.independent, found.background_events) == (True, len(apart["m_jj"]))
    with_it = (folder / f"{name}.safetensors").read_bytes()
    scored(folder, name, alone=True)
    assert (folder / f"{name}.safetensors").read_bytes() == with_it


def test_masses_that_follow_the_dijet_mass_are_what_cwola_finds(pool, tmp_path):
    """Without signal nothing tells the window from its sidebands; shifted masses do."""
    separation = {}
    for shift in (0.0, 0.1):
        folder = tmp_path / str(shift)
        data, _, _ = inject(pool, folder, "0", mass_shift=shift)
        scored(folder, "cwola", BOOSTING | {"trainings": 2, "iterations": 60})
        scores = read_tensors(folder / "cwola.safetensors", SCORES)["score"].mean(axis=1)
        near = inside(data["m_jj"], (3.1, 3.9))
        in_window = inside(data["m_jj"], SIGNAL_REGION).astype(np.int64)
        separation[shift] = auc(in_window[near], scores[near])
    assert separation[0.0] == pytest.approx(0.5, abs=0.05)
    assert separation[0.1] > separation[0.0] + 0.03


@pytest.mark.parametrize("name", ["cwola", "mahalanobis", "supervised"])
def test_permuted_labels_change_no_byte_of_a_data_driven_search(pool, tmp_path, name):
    """The truth lies beside the data, in the folder that all verbs read."""
    folder = tmp_path / "a"
    inject(pool, folder)
    files = [folder / f"{name}{end}" for end in (".safetensors", "_signal.safetensors")]
    files += [folder / f"{name}_{what}" for what in ("fits.json", "spectra.csv", "yields.json")]
    made = []
    for permuted in (False, True):
        if permuted:
            table = read_tensors(folder / "truth.safetensors", DIJET_TRUTH)
            table["is_signal"] = np.random.default_rng(1).permutation(table["is_signal"])
            write_tensors(folder / "truth.safetensors", DIJET_TRUTH, table)
        scored(folder, name)
        sideband(
            **{each: folder / f"{each}.safetensors" for each in ("data", "signal_test")},
            scores=files[0], signal_scores=files[1], normalisation=folder / "normalisation.json",
            fits=files[2], spectra=files[3], yields=files[4], method=name, seed=1,
            settings=CutJob(
                signal_region=SIGNAL_REGION, efficiency=0.2,
                spectrum=SpectrumSettings(mass_range=MASS_RANGE, bin_width=0.2, toys=100),
            ),
        )  # fmt: skip
        made.append([path.read_bytes() for path in files])
    assert (made[0] == made[1]) is not METHODS[name].reference


def test_a_window_has_a_folder_of_its_own():
    scans = {"mine": ScanSettings(windows=[[3.3, 3.7]])}
    assert len(AnomalySettings(scans=scans).windows) == 1  # the signal region's
    with pytest.raises(ValueError, match="differs from signal_region by less than a GeV"):
        AnomalySettings(scans=scans, signal_region=[3.3002, 3.7])
