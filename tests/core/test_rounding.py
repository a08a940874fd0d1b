"""Digits by the rule of the Particle Data Group."""

import pytest

from jetchain.core.rounding import with_error


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (0.827, 0.119, "0.83 ± 0.12"),  # the two examples of the review, section 5.3
        (0.827, 0.367, "0.8 ± 0.4"),
        (3.4902, 0.0045, "3.490 ± 0.004"),
        (0.921, 1.1, "0.9 ± 1.1"),
        (12345.6, 250.0, "12,346 ± 250"),
        (0.25, 0.0, "0.25 ± 0"),
    ],
)
def test_a_number_has_the_decimals_of_its_error(value, error, text):
    assert with_error(value, error) == text
