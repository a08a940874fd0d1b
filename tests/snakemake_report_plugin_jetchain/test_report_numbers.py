"""Numbers as the report writes them."""

import pytest

from jetchain.core.rounding import decimals_of
from snakemake_report_plugin_jetchain.numbers import luminosity, measured, plain


@pytest.mark.parametrize(
    ("value", "low", "high", "unit", "text"),
    [
        (0.98941, 0.98761, 0.99121, "", "0.9894 ± 0.0018"),
        (0.9454, 0.9401, 0.9507, "", "0.945 ± 0.005"),
        (6.61, 6.19, 7.52, "", "6.6 +0.9 −0.4"),
        (-3.2, -4.4, -2.0, "GeV", "−3.2 ± 1.2 GeV"),
        (6154.2, 5872.0, 6436.4, "", "6,154 ± 282"),
        (87.0, 61.0, 127.0, "fb", "87 +40 −26 fb"),
        (1.0, 1.0, 1.0, "", "1"),
        (1.0, 1.0, 1.4, "", "1.0 +0.4 −0.0"),
        (1.010, 1.0131, 1.0601, "", "1.010 [1.013, 1.060]"),
        (374.21, None, None, "fb", "374.2 fb"),
        (1, None, None, "cycles", "1 cycle"),
        (6, None, None, "cycles", "6 cycles"),
    ],
)
def test_a_number_has_the_digits_that_its_uncertainty_warrants(value, low, high, unit, text):
    assert measured(value, low, high, unit) == text


@pytest.mark.parametrize(
    ("error", "decimals"), [(0.354, 2), (0.355, 1), (0.949, 1), (0.0018, 4), (9.6, 0), (282.0, 0)]
)
def test_uncertainties_follow_the_rule_of_the_particle_data_group(error, decimals):
    assert decimals_of(error) == decimals


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.95672512, "0.9567"), (16265.277, "16,265"), (3.0, "3"), (1.5e-7, "1.5e-07"),
     (2e9, "2.000e+09")],
)  # fmt: skip
def test_a_number_alone_has_four_digits(value, text):
    assert plain(value) == text


@pytest.mark.parametrize(
    ("inverse_fb", "text"),
    [(0.0267, "27 pb⁻¹"), (0.000524, "0.52 pb⁻¹"), (0.8, "0.80 fb⁻¹"), (403.0, "403 fb⁻¹"),
     (8583.0, "8.6 ab⁻¹")],
)  # fmt: skip
def test_a_luminosity_has_the_unit_that_suits_it(inverse_fb, text):
    assert luminosity(inverse_fb) == text
