"""A line of the table of costs, from jobs of two runs."""

import pytest

from jetchain.plumbing.costs import Events
from jetchain.plumbing.provenance.measure import Measured, line_of


def jobs(*numbers, rule="graph"):
    """Jobs that take 3 s and 100 MB, and by 1,000 events 10 s, 200 MB, and 5 MB of output."""
    return [
        Measured(rule, "top", 3 + n / 100, 100 + n / 5, n / 200, Events(n, n), 0.0) for n in numbers
    ]


def test_the_start_and_the_rise_are_found():
    line = line_of("graph", "", jobs(1000, 3000), jobs(50, 90))
    assert line.events == 2000
    assert (line.seconds, line.max_rss_mb, line.output_mb) == pytest.approx((23, 700, 10))
    assert line.start_seconds == pytest.approx(3)
    assert line.start_output_mb == pytest.approx(0, abs=1e-6)
    assert line.time(Events(10_000, 10_000)) == pytest.approx(103)


def test_one_number_of_events_takes_the_start_of_the_rule():
    whole = line_of("graph", "", jobs(1000, 3000), jobs(50))
    assert line_of("graph", "top", jobs(1000), []).start_seconds == 0.0
    assert line_of("graph", "top", jobs(1000), [], whole).start_seconds == pytest.approx(3)


def test_what_goes_in_chunks_takes_no_more_memory_with_more_events():
    line = line_of("simulate_detector", "", jobs(1000, 3000), jobs(50))
    assert line.memory(Events(10**6, 10**6)) == line.max_rss_mb


def test_jobs_without_events_stay_as_they_are():
    draw = [Measured("draw", "", 2.0, 80.0, 0.1, Events(None, None), 0.0)] * 2
    line = line_of("draw", "", draw, draw)
    assert line.time(Events(10**7, 10**4)) == 2.0
