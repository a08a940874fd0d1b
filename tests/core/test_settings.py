"""A wrong configuration is refused with the key's path, its value and the nearest valid name."""

import pytest
from pydantic import field_validator, model_validator

from jetchain.core.errors import ConfigurationError
from jetchain.core.settings import Settings, key, parse, require_known


class Sample(Settings):
    events: int = key(10, "events", ge=1)
    process: str = key("qcd", "process")

    @field_validator("process")
    @classmethod
    def _known(cls, value: str) -> str:
        require_known(value, ("qcd", "ttbar"), "process")
        return value


class Root(Settings):
    radius: float = key(0.8, "radius", gt=0.0, le=2.0)
    samples: dict[str, Sample] = key({"a": Sample()}, "samples", min_length=1)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"radus": 1.0}, r"radus: unknown key\. Did you mean 'radius'\?"),
        ({"radius": 3.0}, r"radius: .*less than or equal to 2.*\(got 3.0\)"),
        ({"radius": "1"}, r"radius: .*valid number"),
        ({"samples": {}}, r"samples: .*at least 1 item"),
        ({"samples": {"b": {"event": 3}}}, r"samples\.b\.event: .*Did you mean 'events'\?"),
        ({"samples": {"b": {"events": 0}}}, r"samples\.b\.events: .*\(got 0\)"),
        ({"samples": {"b": {"process": "tbar"}}}, r"unknown process 'tbar'.*'ttbar'"),
    ],
)
def test_what_is_wrong_is_named(values, message):
    with pytest.raises(ConfigurationError, match=message):
        parse(Root, values)


def test_all_mistakes_are_told_at_once():
    with pytest.raises(ConfigurationError) as error:
        parse(Root, {"radius": -1.0, "extra": 1})
    assert error.value.cause.count("  - ") == 2


def test_settings_are_frozen_and_integers_serve_as_floats():
    root = parse(Root, {"radius": 1})
    assert root.radius == 1.0
    with pytest.raises(ValueError, match="frozen"):
        root.radius = 2.0


class Window(Settings):
    low: float = key(1.0, "low", gt=0)
    high: float = key(2.0, "high", gt=0)
    bins: int = key(3, "bins", ge=1)

    @model_validator(mode="after")
    def _in_order(self):
        if self.high <= self.low:
            raise ValueError("high must be above low")
        return self


class Windows(Settings):
    radius: float = key(0.8, "radius", gt=0.0)
    inner: Window = key(Window(), "inner")
    outer: Window = key(Window(low=3.0, high=4.0), "outer")

    @model_validator(mode="after")
    def _agree(self):
        if self.outer.low < self.inner.high:
            raise ValueError("outer.low must not be below inner.high")
        return self


@pytest.mark.parametrize(
    ("values", "told"),
    [
        # a value, what a section says of its values, and what the whole says of its sections
        ({"radius": -1.0, "inner": {"low": 3.0}}, ["radius: ", "inner: high must be above low"]),
        ({"radius": -1.0, "outer": {"low": 1.5}}, ["radius: ", "outer.low must not be below"]),
        ({"inner": {"bins": 0, "low": 3.0}}, ["inner.bins: ", "inner: high must be above low"]),
        # nothing is said of a default in the place of a wrong value
        ({"inner": {"low": -1.0, "high": 0.5}}, ["inner.low: "]),
        ({"radius": -1.0, "inner": {"high": -1.0}}, ["radius: ", "inner.high: "]),
    ],
)
def test_mistakes_of_values_sections_and_the_whole_are_told_at_once(values, told):
    with pytest.raises(ConfigurationError) as error:
        parse(Windows, values)
    lines = error.value.cause.split("\n  - ")[1:]
    assert len(lines) == len(told)
    assert all(line.startswith(begin) for line, begin in zip(lines, told, strict=True)), lines
