"""What the applications name in other sections is there, or refused with the nearest name."""

import pytest

from jetchain.core.errors import ConfigurationError
from jetchain.plumbing.applied import applications_known
from jetchain.plumbing.configuration import Configuration, load


def asked(**applications):
    return {"inference": {"applications": applications}}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (asked(charm={"tagger": "particlnet"}), "Did you mean 'particlenet'"),
        (asked(gain={"scan": "strenght"}), "Did you mean 'strength'"),
        (asked(gain={"scan": "mass_shift"}), "no replicas without injected signal"),
        (asked(charm={"working_points": [0.4, 0.6]}), "must fall"),
        (asked(charm={"working_points": [1.2, 0.6]}), "between 0 and 1"),
        (asked(charm={"mass_edges": [60.0, 50.0]}), "must rise"),
        (asked(charm={"luminosities": [-1.0]}), "above 0"),
        (asked(gain={"factors": [2.0, 1.0]}), "must rise"),
        (asked(operators={"cwola": {"workspace": __file__}}), "operators"),
        (asked(operators={"mine": {"workspace": "nowhere.json"}}), "there is no file"),
        (
            asked(operators={"mine": {"workspace": __file__, "operators": {
                "O": {"linear": "c", "quadratic": "c", "range": [-1.0, 1.0]}}}}),
            "linear and quadratic",
        ),
        (
            asked(operators={"mine": {"workspace": __file__, "operators": {
                "O": {"linear": "c", "quadratic": "c2", "range": [1.0, -1.0]}}}}),
            "must rise",
        ),
        (
            asked(operators={"cwola": {"workspace": __file__, "operators": {
                "O": {"linear": "c", "quadratic": "c2", "range": [-1.0, 1.0]}}}}),
            "has this name already",
        ),
    ],
)  # fmt: skip
def test_what_is_not_there_is_refused(values, said) -> None:
    with pytest.raises(ConfigurationError, match=said):
        load(values)


def test_the_default_names_what_is_there() -> None:
    assert list(applications_known(Configuration())) == []
