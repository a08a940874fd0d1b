"""The key numbers of the ABCD closure: before and after the correction by the sidebands."""

import pytest

from jetchain.core.schema.tagging import (
    Confusion,
    Interval,
    PairMerit,
    Rejection,
    Replicated,
    TaggerMetrics,
)
from jetchain.reporting.summary import as_text, closure_rows, tagging_rows


def test_both_predictions_of_the_signal_region_are_listed():
    found = {
        "regions": {
            "sidebands, data": {"a": 100.0, "prediction": 80.0, "prediction_uncertainty": 8.0},
            "signal region, data": {
                "a": 64.0, "prediction": 40.0, "prediction_uncertainty": 4.0,
                "corrected": 50.0, "corrected_uncertainty": 10.0,
            },
            "signal region, background": {
                "a": 0.0, "prediction": 40.0, "prediction_uncertainty": 4.0,
                "corrected": None, "corrected_uncertainty": None,
            },
        }
    }  # fmt: skip
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
    bound = Rejection(value=1377.0, low=748.4, high=1377.0, std=628.6, bound=True)
    pair = PairMerit(
        signal_jets=1, background_jets=1377, auc=known, rejection_50=bound, rejection_30=bound
    )
    nothing = Confusion(counts=[], fraction=[], low=[], high=[])
    metrics = TaggerMetrics(
        model="pfn", parameters=1, training_jets=1, classes=[], pairs={"Hbb_vs_QCD": pair},
        accuracy=Interval(value=0.9, low=0.8, high=0.95), macro_auc=0.9, confusion=nothing,
    )  # fmt: skip
    text = as_text(tagging_rows(metrics, "metrics.json"))
    (line,) = (each for each in text.splitlines() if "at least" in each)
    assert line.split()[-1] == "748.4"
    assert "1377" not in line
