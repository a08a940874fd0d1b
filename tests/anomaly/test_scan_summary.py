"""What a scan concludes, from points whose truth is known."""

import numpy as np
import pytest
from scipy.stats import norm

from jetchain.anomaly import scan_summary as summary
from jetchain.anomaly.settings import ScanJob
from jetchain.core.io.refusals import write_refusal
from jetchain.core.io.tables import read_csv, read_result, write_result
from jetchain.core.schema.inference import Fit, Limits, Strength
from jetchain.core.schema.scan import (
    AtEfficiency,
    Injection,
    Judgement,
    Measurement,
    ScanPoint,
    ScanSummary,
    Spread,
)


def row(strength, replica, mu=0.0, error=0.1, significance=0.0, signal=50.0, expected=20.0, **more):
    """A point with one method; None for a mu or limit that is not there."""
    fit = Fit(
        method="cwola", sensitive=mu is not None, observed=10, background=10,
        p0=None if mu is None else 0.5, significance=significance,
        mu=None if mu is None else Strength(
            value=mu, error=error, error_down=None, error_up=None,
            cross_section_fb=mu, cross_section_error_fb=error,
        ),
    )  # fmt: skip
    limits = Limits(
        method="cwola", sensitive=True, level=0.05, reference_cross_section_fb=1.0,
        observed_fb=expected, expected_fb=[expected] * 5, reason=more.get("reason"),
        observed_mu=more.get("limit"),
    )  # fmt: skip
    injection = Injection(
        signal_region_tev=(3.3, 3.7), strength=strength, replica=replica, share=1.0,
        reference_events=100, injected_events=int(100 * strength), background_in_window=400,
        signal_in_window=80 * strength, initial_significance=4 * strength, shared_signal=0.1,
    )  # fmt: skip
    cut = AtEfficiency(background_efficiency=0.01, signal_efficiency=0.2, improvement=2.0 + replica)
    measured = Measurement(
        signal_events=signal, signal_uncertainty=0.1, fit=fit, limits=limits,
        pull=None if mu is None else (mu - strength) / error,
        p_value=None if mu is None else more.get("p", float(norm.sf(mu / error))),
    )  # fmt: skip
    judged = Judgement(cuts=[cut], background_events=9, independent=False)
    return summary.Row("cwola", injection, measured, judged)


def points(*medians):
    """Points at 0, 1, 2, ... times an initial significance of 2, with these medians."""

    def plain(value):
        return Spread(median=value, low=value, high=value, number=3)

    return [
        ScanPoint(
            strength=float(index), initial_significance=plain(2.0 * index),
            significance=plain(median), mu=None, mu_error=None, expected_fb=None, observed_fb=None,
            improvement={}, signal_efficiency={}, independent_background=False,
            without_result=0, without_limit=0, reason=None,
        )
        for index, median in enumerate(medians)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("medians", "value", "bound"),
    [
        ((0.5, 2.0, 6.0), 3.5, ""),  # 3/4 of the way from 2 to 4
        ((0.0, 6.0, 3.0, 7.0), 5.0, ""),  # the last crossing counts: an early one was luck
        ((0.0, 6.0, 9.0), 2.0, "below"),
        ((0.0, 1.0, 4.9), 4.0, "above"),
        ((0.0, 9.0, 4.0), 4.0, "above"),
        ((0.0, 5.0), 2.0, "below"),
        ((7.0,), None, ""),  # nothing was injected, whatever was found
    ],
)
def test_sigma_min_is_interpolated_and_a_bound_is_called_one(medians, value, bound):
    found = summary.sigma_min(points(*medians))
    assert found.bound == bound
    assert found.value == (None if value is None else pytest.approx(value))


def test_linearity_of_fits_of_known_slope_and_width():
    random = np.random.default_rng(4)
    errors = {0.0: 2.0, 0.5: 0.2, 1.0: 0.15, 2.0: 0.2}  # without signal the selection is chance
    rows = [
        row(strength, replica, 0.1 + 0.8 * strength + error * random.standard_normal(), error)
        for replica in range(200)
        for strength, error in errors.items()
    ]
    found = summary.linearity(rows)
    assert found.slope == pytest.approx(0.8, abs=4 * found.slope_error)
    assert found.offset == pytest.approx(0.1, abs=4 * found.offset_error)
    # As precise as the strengths allow of which anything is known.
    assert found.slope_error < 0.02
    assert found.number == 800
    fair = [
        row(strength, replica, strength + error * random.standard_normal(), error)
        for replica in range(200)
        for strength, error in errors.items()
    ]
    found = summary.linearity(fair)
    assert found.pull_width == pytest.approx(1.0, abs=4 * found.pull_width_error)
    assert found.pull_mean == pytest.approx(0.0, abs=4 / np.sqrt(800))


def test_a_single_replica_has_a_slope_without_error_and_none_has_none():
    one = summary.linearity([row(0.0, 0, 0.0), row(1.0, 0, 0.9)])
    assert one.slope == pytest.approx(0.9)
    assert one.slope_error is None
    assert summary.linearity([row(1.0, 0, 0.9)]).slope is None
    nothing = summary.linearity([row(1.0, 0, None)])
    assert (nothing.slope, nothing.pull_width, nothing.number) == (None, None, 0)


def null(values, error=0.5):
    """Replicas without signal with these pulls."""
    return [
        row(0.0, index, value * error, error, significance=max(value, 0.0))
        for index, value in enumerate(values)
    ]


def test_background_only_replicas_are_uniform_or_not():
    random = np.random.default_rng(3)
    fair = summary.background_only(null(random.standard_normal(200)), True)
    assert fair.ks > 0.05
    assert abs(fair.spurious) < 4 * fair.spurious_error
    assert 0 < min(fair.p_values) < 0.1
    assert 0.9 < max(fair.p_values) < 1
    biased = summary.background_only(null(random.standard_normal(200) + 0.7), True)
    assert biased.ks < 1e-3
    assert biased.spurious == pytest.approx(0.7, abs=4 * biased.spurious_error)
    wide = summary.background_only(null(2.5 * random.standard_normal(200)), True)
    assert wide.ks < 1e-3
    assert summary.background_only(null([0.1, 0.2]), True).ks is None
    assert summary.background_only([], True) is None


def test_replicas_with_the_same_background_claim_no_uniformity():
    found = summary.background_only(null([0.4] * 20), False)
    assert (found.ks, found.spurious_error) == (None, None)
    assert found.spurious == pytest.approx(0.4)


def test_limits_cover_what_was_injected_as_often_as_they_say():
    # Limits of a Gaussian strength of known error: mu + 1.645 errors covers 95 % of the time.
    random = np.random.default_rng(6)

    def replicas(reach):
        return [
            row(1.0, index, limit=1.0 + 0.3 * (random.standard_normal() + reach))
            for index in range(1000)
        ]

    fair = summary.coverage([*replicas(1.645), row(0.0, 0, limit=0.1), row(1.0, 1)], True)
    assert (fair.number, fair.level) == (1000, 0.05)  # neither without signal nor without a limit
    assert fair.covered / 1000 == pytest.approx(0.95, abs=4 * np.sqrt(0.95 * 0.05 / 1000))
    short = summary.coverage(replicas(1.0), True)
    assert short.covered / 1000 < 0.88
    assert summary.coverage(replicas(1.0), False) is None
    assert summary.coverage([row(0.0, 0, limit=0.1)], True) is None


def test_looking_in_several_windows_is_counted_by_replica():
    def windows(replica, *p_values):
        return [row(0.0, replica, 0.1, p=each) for each in p_values]

    rows = [*windows(0, 0.3, 0.01, 0.2), *windows(1, 0.2, 0.02, 0.5), row(1.0, 0, 1.0, p=1e-9)]
    (found,) = summary.anywhere(rows)
    assert (found.windows, found.smallest) == (3, [0.01, 0.02])
    assert found.share_of_rare == 0.5  # 3 x 0.01 is at most 0.05, 3 x 0.02 is not
    assert summary.anywhere([row(0.0, 0, 0.1), row(0.0, 1, 0.1)]) == []  # one window
    # Independent windows without signal: the bound holds, and is nearly reached.
    random = np.random.default_rng(8)
    rows = [row(0.0, k, 0.1, p=p) for k in range(2000) for p in random.uniform(size=3)]
    (many,) = summary.anywhere(rows)
    assert many.share_of_rare == pytest.approx(0.05, abs=0.02)


def test_a_point_without_a_fit_has_neither_pull_nor_p_value():
    nothing = row(0.0, 0, None)
    assert (nothing.pull, nothing.p_value) == (None, None)


def test_a_limit_of_chance_selections_is_refused_with_the_reason():
    steady = summary.limit_without_signal([row(0.0, i, signal=20.0 + i) for i in range(6)])
    assert steady.expected_fb.median == 20.0
    assert steady.reason is None
    assert steady.efficiency.median == pytest.approx(0.225)
    chance = summary.limit_without_signal([row(0.0, i, signal=1 + 9.0 * (i % 2)) for i in range(6)])
    assert chance.expected_fb is None
    assert "differs by" in chance.reason
    refused = [row(0.0, i, expected=None, reason="uncertain by 70 %") for i in range(4)]
    found = summary.limit_without_signal([*refused, row(0.0, 4)])
    assert found.expected_fb is None  # of the one that has a limit alone
    assert found.reason == "uncertain by 70 %"
    assert summary.limit_without_signal([]) is None


def test_a_fit_without_a_result_counts_as_nothing_found():
    rows = [row(1.0, 0, 1.0, significance=6.0), row(1.0, 1, None, expected=None, reason="why"),
            row(1.0, 2, None, expected=None, reason="why")]  # fmt: skip
    found = summary.point(rows)
    assert found.significance.median == 0.0
    assert found.mu.number == 1
    assert (found.without_result, found.without_limit, found.reason) == (2, 2, "why")
    assert found.improvement["0.01"].median == 3.0
    assert summary.point(rows[1:]).mu is None


def test_a_point_that_was_refused_leaves_the_others_as_they_are(tmp_path):
    """One training of three failed: it counts as without result, and in no median of strengths."""
    written = {"injections": [], "judgements": [], "measurements": []}
    rows = [row(1.0, replica, mu=1.0, significance=6.0, limit=2.0) for replica in range(3)]
    for replica, of in enumerate(rows):
        place = tmp_path / "scan" / "3300-3700" / "mu1" / f"seed{replica}"
        (place / "cwola").mkdir(parents=True)
        for name, path, result in (
            ("injections", place / "injection.json", of.injection),
            ("judgements", place / "cwola" / "judgement.json", of.judgement),
            ("measurements", place / "cwola" / "measurement.json", of.measurement),
        ):
            written[name].append(path)
            if replica or name == "injections":
                write_result(path, result)
            else:
                write_refusal(path, "too few events")
    summary.scan_summary(
        **written, points=tmp_path / "points.csv", summary=tmp_path / "summary.json", scan="mine",
        settings=ScanJob(replicas=3, share=0.25, mass_shift=0.0),
    )  # fmt: skip
    (method,) = read_result(tmp_path / "summary.json", ScanSummary).methods
    (point,) = method.points
    assert (point.without_result, point.without_limit) == (1, 1)
    assert point.reason == "too few events"
    assert (point.mu.number, point.significance.number, point.significance.median) == (2, 3, 6.0)
    assert (point.improvement["0.01"].number, point.independent_background) == (2, False)
    assert (method.coverage.covered, method.coverage.number) == (2, 2)
    table = read_csv(tmp_path / "points.csv")
    assert np.array_equal(np.isnan(table["mu"]), [True, False, False])
    assert np.array_equal(np.isnan(table["cut_efficiency"]), [True, False, False])
    # Without signal it is looked at as one that finds nothing.
    null = [summary.Row("cwola", row(0.0, 0).injection, None, None, "why"), row(0.0, 1)]
    assert summary.limit_without_signal(null).reason == "why"
    assert summary.background_only(null, True).largest == 0.0
    assert summary.sigma_min([summary.point(null)]).value is None


def test_folders_say_which_point_a_file_is_of(tmp_path):
    """Files come in any order, and replicas beyond nine do too."""
    written = {"injections": [], "judgements": [], "measurements": []}
    for replica in (10, 2, 0):
        for strength in (1.0, 0.0):
            for method in ("cwola", "inclusive"):
                of = row(strength, replica, mu=strength + replica)
                place = tmp_path / "scan" / "3300-3700" / f"mu{strength:g}" / f"seed{replica}"
                (place / method).mkdir(parents=True)
                if method == "cwola":
                    written["injections"].append(place / "injection.json")
                    write_result(written["injections"][-1], of.injection)
                    written["judgements"].append(place / method / "judgement.json")
                    write_result(written["judgements"][-1], of.judgement)
                written["measurements"].append(place / method / "measurement.json")
                write_result(written["measurements"][-1], of.measurement)
    written["judgements"].reverse()
    summary.scan_summary(
        **written, points=tmp_path / "points.csv", summary=tmp_path / "summary.json", scan="mine",
        settings=ScanJob(replicas=11, share=0.5, mass_shift=0.0),
    )  # fmt: skip
    table = read_csv(tmp_path / "points.csv")
    assert np.array_equal(table["mu"], table["strength"] + table["replica"])
    improvement = np.where(table["method"] == "cwola", 2.0 + table["replica"], np.nan)
    assert np.array_equal(table["improvement_0.01"], improvement, equal_nan=True)
    found = read_result(tmp_path / "summary.json", ScanSummary)
    assert [each.method for each in found.methods] == ["cwola", "inclusive"]
    assert [each.strength for each in found.methods[0].points] == [0.0, 1.0]
    # 11 replicas of halves: 5 of the 55 pairs are of one turn.
    assert found.shared_background == pytest.approx(0.5 * 50 / 55)
