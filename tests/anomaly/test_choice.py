"""The search with the jets of another algorithm: whose events it has, and what it gains."""

import numpy as np
import pytest

from helpers.dijets import write_dijet_file
from jetchain.anomaly import features
from jetchain.anomaly.choice import Region, compare, compared, count, dijets
from jetchain.anomaly.settings import EvaluationJob, EvaluationSettings, FeatureSettings
from jetchain.core.errors import DataError
from jetchain.core.io.tables import read_result
from jetchain.core.io.tensors import read_tensors, write_tensors
from jetchain.core.schema.anomaly import DIJET_TRUTH, DIJETS, SCORES
from jetchain.core.schema.pflow_choice import SearchChoice

SETTINGS = FeatureSettings(signal_events=40, folds=2)
NAMES = ("data", "truth", "signal_test")
N = 20


@pytest.fixture
def search(tmp_path):
    """Files of the reference, its search, and what makes the search of another algorithm.

    The pT of all jets is larger with a larger `pt`, so that more events pass the trigger.
    """

    def jets(pt):
        made = []
        for index, (name, number) in enumerate((("b0", 300), ("b1", 200), ("s", 400))):
            made.append(tmp_path / f"{name}_{pt}.root")
            write_dijet_file(made[-1], number, index, pt=pt)
        return {"background": made[:2], "signal": made[2:]}

    known = jets(1170.0)
    pool = {name: tmp_path / f"pool_{name}.safetensors" for name in NAMES}
    features.features(
        **known, **pool, cutflow=tmp_path / "cutflow.json",
        histograms=tmp_path / "histograms.json", settings=SETTINGS, seed=3,
    )  # fmt: skip
    written = {name: tmp_path / f"{name}.safetensors" for name in NAMES}

    def make(pt):
        dijets(
            **jets(pt), known_background=known["background"], known_signal=known["signal"],
            pool_data=pool["data"], pool_truth=pool["truth"], pool_signal=pool["signal_test"],
            accounts=[], **written, settings=SETTINGS, seed=3, luminosity=0.0, cross_section=0.0,
        )  # fmt: skip

    return make, pool, written


def read(paths):
    data, test = (read_tensors(paths[name], DIJETS) for name in ("data", "signal_test"))
    return data, read_tensors(paths["truth"], DIJET_TRUTH), test


def test_the_same_jets_make_the_same_search(search):
    make, pool, written = search
    make(1170.0)
    for name in NAMES:
        assert written[name].read_bytes() == pool[name].read_bytes()


@pytest.mark.parametrize("pt", [1150.0, 1190.0])
def test_an_event_that_both_select_is_injected_for_both_or_for_neither(search, pt):
    make, pool, written = search
    make(pt)
    (data, truth, test), (data0, truth0, test0) = read(written), read(pool)
    assert np.array_equal(data["event_id"], truth["event_id"])
    known = np.concatenate([data0["event_id"], test0["event_id"]])
    signal = truth0["event_id"][truth0["is_signal"] == 1]
    ids = data["event_id"]
    both = np.isin(ids, known)
    assert np.array_equal(truth["is_signal"][both] == 1, np.isin(ids[both], signal))
    assert not np.isin(test["event_id"], data0["event_id"]).any()
    fold = dict(zip(data0["event_id"], data0["fold"], strict=True))
    assert all(fold[i] == f for i, f in zip(ids[both], data["fold"][both], strict=True))
    assert np.all(np.diff(ids[both]) > 0)  # and stands where it stood
    everything = np.concatenate([ids, test["event_id"]])
    assert len(np.unique(everything)) == len(everything)
    if pt < 1170:  # all that pass now did so before
        assert both.all()
        assert len(everything) < len(known)
        return
    # None is lost, and of the new signal as large a part is injected: 40 of those that passed.
    assert np.isin(known, everything).all()
    new = int(truth["is_signal"][~both].sum())
    tried = new + int((~np.isin(test["event_id"], known)).sum())
    part = 40 / (40 + len(test0["event_id"]))
    assert tried > 20
    assert abs(new - part * tried) < 4 * np.sqrt(part * (1 - part) * tried)
    # The masses are those of the other jets: 1190 / 1170 in their mean, roughly.
    shared = np.isin(ids, data0["event_id"])
    ratio = data["m_jj"][shared] / data0["m_jj"]
    assert 1.005 < np.median(ratio) < 1.03


def test_files_of_other_events_are_refused(search, tmp_path):
    _, pool, written = search
    other = tmp_path / "other.root"
    write_dijet_file(other, 10, 5)
    with pytest.raises(DataError, match="not of the same events"):
        dijets(
            background=[other], signal=[other], known_background=[tmp_path / "b0_1170.0.root"],
            known_signal=[tmp_path / "s_1170.0.root"], pool_data=pool["data"],
            pool_truth=pool["truth"], pool_signal=pool["signal_test"], accounts=[], **written,
            settings=SETTINGS, seed=3, luminosity=0.0, cross_section=0.0,
        )  # fmt: skip


def region(low):
    """N events of each kind; the signal ranks above the background, but for the events named."""
    label = np.repeat([1, 0], N)
    score = np.where(label == 1, 2.0, 0.0) + 1e-3 * np.arange(2 * N)[::-1]
    score[low] = -1.0
    return Region(np.arange(2 * N), label, np.arange(2 * N) < N // 2, {"cwola": score})


EVALUATION = EvaluationSettings(
    working_point=0.5, minimum_background=5, replicas=600, points=10
)  # fmt: skip


def test_the_bootstrap_is_paired():
    # By hand: half of the background is kept, and all of the signal but what ranks below it:
    # (1 - k / n) / sqrt(1/2). Event 3 misses in both, event 8 in the other alone, in a replica t
    # times, which is binomial: sqrt(1 - 1/n) / n.
    (row,) = compared(region([3]), region([3, 8]), EVALUATION, 7)
    root = np.sqrt(0.5)
    assert row.reference == pytest.approx((1 - 1 / N) / root)
    assert row.other == pytest.approx((1 - 2 / N) / root)
    one = np.sqrt(1 - 1 / N) / N / root
    assert row.reference_error == pytest.approx(one, rel=0.12)  # of 600 replicas: 3 %
    assert row.lead.value == pytest.approx(-1 / N / root)
    assert row.lead.error == pytest.approx(one, rel=0.12)


def test_the_same_search_differs_by_exactly_nothing_and_few_events_are_not_quoted():
    (row,) = compared(region([3]), region([3]), EVALUATION, 7)
    assert row.reference == row.other
    assert (row.lead.value, row.lead.error, row.lead.significance) == (0.0, 0.0, None)
    many = EVALUATION.model_copy(update={"minimum_background": N})
    (row,) = compared(region([3]), region([3]), many, 7)
    assert row.reference is row.lead is None


def test_events_are_counted_by_what_they_are():
    found = count(region([]))
    assert (found.background, found.injected, found.signal_test) == (N, N // 2, N // 2)


def test_searches_are_read_by_the_folders_of_their_scores(search, tmp_path):
    make, pool, written = search
    make(1190.0)
    inputs = {}
    for prefix, paths in (("", pool), ("other_", written)):
        data, _, test = read(paths)
        for name, table in (("scores", data), ("signal_scores", test)):
            path = tmp_path / f"{prefix}of" / "cwola" / f"{name}.safetensors"
            # The lighter jet's mass as the score, of two trainings.
            score = np.repeat(table["features"][:, :1], 2, axis=1)
            write_tensors(path, SCORES, {"event_id": table["event_id"], "score": score})
            inputs[f"{prefix}{name}"] = [path]
        inputs |= {f"{prefix}{name}": path for name, path in paths.items()}
    evaluation = EvaluationSettings(working_point=0.2, minimum_background=5, replicas=10, points=10)
    settings = EvaluationJob(signal_region=[2.0, 3.5], evaluation=evaluation)
    result = tmp_path / "result.json"
    compare(**inputs, result=result, algorithm="mlpf", settings=settings, seed=1)
    found = read_result(result, SearchChoice)
    assert found.algorithm == "mlpf"
    (row,) = found.rows
    assert row.method == "cwola"
    assert row.lead.value == pytest.approx(row.other - row.reference)
    assert 0 < found.common.background <= found.reference.background < found.other.background
