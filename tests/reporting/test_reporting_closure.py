"""The key numbers of the ABCD closure: before and after the correction by the sidebands."""

import pytest

from jetchain.reporting.summary import closure_rows


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
