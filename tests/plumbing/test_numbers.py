"""Text that is a number counts as that number, wherever a number is wanted and nowhere else."""

import math

import pytest
import yaml
from pydantic import ValidationError
from snakemake.cli import parse_config

from jetchain.core.errors import ConfigurationError
from jetchain.core.meant import as_meant
from jetchain.plumbing.configuration import Configuration, load
from jetchain.plumbing.numbers import no_number


def of_yaml(text):
    return load(yaml.safe_load(text))


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("{jets: {clustering: {pt_min: 1e-3}}}", "{jets: {clustering: {pt_min: 0.001}}}"),
        ("{jets: {clustering: {pt_min: '.5'}}}", "{jets: {clustering: {pt_min: 0.5}}}"),
        ("{jets: {clustering: {pt_min: 1E2}}}", "{jets: {clustering: {pt_min: 100}}}"),
        ("{jets: {clustering: {radii: ['0.8', 1e0, 4e-1]}}}",
         "{jets: {clustering: {radii: [0.8, 1.0, 0.4]}}}"),
        ("{seed: '1_000'}", "{seed: 1_000}"),
        ("{seed: '12345678901234567890'}", "{seed: 12345678901234567890}"),
        ("{generate: {samples: {a_1: {generation: {process: W, events: 1e3}}}}}",
         "{generate: {samples: {a_1: {generation: {process: W, events: 1000}}}}}"),
        ("{generate: {samples: {a_1: {generation: {process: W, events: 1.0e+3}}}}}",
         "{generate: {samples: {a_1: {generation: {process: W, events: 1000}}}}}"),
        ("{background: {reference_events: 'null'}}", "{background: {reference_events: null}}"),
    ],
)  # fmt: skip
def test_a_number_is_the_same_however_it_is_written(written, plain):
    def samples(text):
        values = yaml.safe_load(text)
        known = Configuration().model_dump(mode="json")["generate"]["samples"]
        if "generate" in values:
            values["generate"]["samples"] |= known
        return values

    first, second = load(samples(written)), load(samples(plain))
    # What the rules hand to jobs, and Snakemake compares.
    assert first.model_dump_json() == second.model_dump_json()


def test_what_is_nested_in_the_option_config_counts_like_yaml():
    text = "{clustering: {pt_min: 12.5, radii: [0.8, 1.0]}, summary: {radius: 0.8}}"
    entered = load(parse_config([f"jets={text}"]))
    assert entered == load({"jets": yaml.safe_load(text)})


@pytest.mark.parametrize("word", ["true", "False", "yes", "NO", "On", "off"])
def test_a_word_of_yaml_counts_in_the_option_config_too(word):
    text = f"{{simulation: {{smear_tracks: {word}}}}}"
    entered = load(parse_config([f"detector={text}"]))
    assert entered == load({"detector": yaml.safe_load(text)})


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("{jets: {clustering: {pt_min: 1 000}}}", "jets.clustering.pt_min: .*got '1 000'"),
        ("{jets: {clustering: {pt_min: ' '}}}", "jets.clustering.pt_min"),
        ("{jets: {clustering: {pt_min: 1e999}}}", "jets.clustering.pt_min"),
        ("{jets: {clustering: {pt_min: '-1'}}}", "jets.clustering.pt_min: .*got -1"),
        ("{seed: '010'}", "seed: .*got '010'"),
        ("{seed: 1.5}", "seed: .*got 1.5"),
        ("{seed: 1.5e0}", "seed: .*got '1.5e0'"),
        ("{seed: true}", "seed: .*got True"),
        ("{seed: 'null'}", "seed"),
        ("{seed: ten}", "seed: .*got 'ten'"),
    ],
)
def test_what_is_no_such_number_is_refused_by_its_name(text, named):
    with pytest.raises(ConfigurationError, match=named):
        of_yaml(text)


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_a_number_that_is_not_finite_is_refused_by_its_name(value):
    with pytest.raises(ConfigurationError, match=r"jets\.clustering\.radii\.1: "):
        load({"jets": {"clustering": {"radii": [0.8, value]}}})


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("strength", "0.5", "-1"),
        ("rate", "1", "0"),
        ("sparsity", "0", "1"),
        ("constituents", "64", "3"),
        ("sample", "top", None),
    ],
)
def test_a_number_of_a_target_is_one_and_in_its_range(name, right, wrong):
    assert no_number(name, right) == ""
    for text in filter(None, (wrong, wrong and "x")):
        assert no_number(name, text).startswith(f"the {name} '{text}' must be ")


def test_text_stays_text_where_text_is_wanted():
    values = Configuration().model_dump(mode="json")
    overrides = ["1e-3", "true", "null"]
    values["generate"]["samples"]["W"]["generation"]["overrides"] = overrides
    values["seed"] = "7"
    found = load(values)
    assert found.seed == 7
    assert found.generate.samples["W"].generation.overrides == overrides


def test_the_user_s_values_stay_as_they_are():
    values = {"seed": "7", "jets": {"clustering": {"radii": ["1e0", "x"]}}}
    before = str(values)
    with pytest.raises(ValidationError) as refusal:
        Configuration.model_validate(values)
    read = as_meant(values, refusal.value)
    assert read == {"seed": 7, "jets": {"clustering": {"radii": [1.0, "x"]}}}
    assert str(values) == before
