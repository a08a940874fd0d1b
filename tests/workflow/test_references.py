"""The physics of the shared tiny run is that of the references in tests/reference."""

import json

import pytest

from jetchain.regression.collect import collect
from jetchain.regression.compare import FALSE_ALARM, MOVED, as_text, compare
from jetchain.regression.page import write_page
from jetchain.regression.references import FOLDER, SEEDS, read_references

pytestmark = pytest.mark.workflow


def test_the_tiny_run_agrees_with_the_references(tiny_run):
    report = compare(read_references(), collect(tiny_run / "results"))
    page = tiny_run / "regression.html"
    write_page(page, report)
    assert not report.of(MOVED), f"{as_text(report)}Overlays, worst first: {page}"
    assert report.tests > 600


def test_twenty_other_seeds_raised_no_alarm():
    """A record of `make spread`; toys in tests/regression hold the statistics to their word."""
    record = json.loads((FOLDER / SEEDS).read_text(encoding="utf-8"))
    assert record["false_alarm"] == FALSE_ALARM
    assert len(record["seeds"]) >= 20
    assert {row["seed"]: row["alarms"] for row in record["seeds"] if row["alarms"]} == {}
    assert min(row["smallest"]["p_over_threshold"] for row in record["seeds"]) > 1
