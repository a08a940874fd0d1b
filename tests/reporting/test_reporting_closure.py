"""The key numbers of the ABCD closure: before and after the correction by the sidebands."""

import pytest

from jetchain.core.schema.background import AbcdClosure, AbcdCounts, CorrectedCounts
from jetchain.core.schema.tagging import (
    Confusion,
    Interval,
    PairMerit,
    Rejection,
    Replicated,
    TaggerMetrics,
)
from jetchain.reporting.summary import as_text, closure_rows, tagging_rows


def counts(a, prediction, error):
    return {
        "a": a, "b": 100.0, "c": 100.0, "d": 100.0, "prediction": prediction,
        "prediction_uncertainty": error, "closure": None, "pull": 0.0,
    }  # fmt: skip


def test_both_predictions_of_the_signal_region_are_listed():
    known = {"corrected": 50.0, "corrected_uncertainty": 10.0}
    found = AbcdClosure(
        cuts=(0.5, 0.5), kappa=1.25, kappa_relative_uncertainty=0.1, kappas=[],
        signal_efficiency=0.5, contamination=None,
        regions={
            "sidebands, data": AbcdCounts(**counts(100.0, 80.0, 8.0)),
            "signal region, data": CorrectedCounts(**counts(64.0, 40.0, 4.0), **known),
            "signal region, background": CorrectedCounts(
                **counts(0.0, 40.0, 4.0), **dict.fromkeys(known)
            ),
        },
    )  # fmt: skip
    rows = {row["quantity"]: row for row in closure_rows(found, "closure.json")}
    assert list(rows) == [
        "ABCD predicted / observed, sidebands, data",
        "ABCD predicted / observed, signal region, data",
        "ABCD corrected / observed, signal region, data",
    ]
    corrected = rows["ABCD corrected / observed, signal region, data"]
    assert corrected["value"] == pytest.approx(50 / 64)
    # 20 % of the prediction and 1/8 of the count.
    error = 50 / 64 * (0.2**2 + 1 / 64) ** 0.5
    assert corrected["high"] - corrected["value"] == pytest.approx(error)


def test_a_rejection_without_background_is_quoted_by_its_lower_limit():
    known = Replicated(value=0.9, low=0.8, high=0.95, std=0.07)
    bound = Rejection(value=1377.0, low=748.4, high=1377.0, std=628.6, passed=0, bound=True)
    pair = PairMerit(
        signal="Hbb",
        background={"quark": 0.5, "gluon": 0.5},
        signal_jets=1,
        background_jets=1377,
        signal_effective=1,
        background_effective=1377,
        auc=known,
        rejection_50=bound,
        rejection_30=bound,
    )
    nothing = Confusion(counts=[], fraction=[], low=[], high=[])
    metrics = TaggerMetrics(
        model="pfn", feature_set="full", sees="", parameters=1, flops=1.0, training_jets=1,
        classes=[],
        pairs={"Hbb_vs_QCD": pair},
        accuracy=Interval(value=0.9, low=0.8, high=0.95), macro_auc=0.9, confusion=nothing,
    )  # fmt: skip
    text = as_text(tagging_rows(metrics, "metrics.json"))
    (line,) = (each for each in text.splitlines() if "at least" in each)
    assert line.split()[-1] == "748.4"
    assert "1377" not in line
