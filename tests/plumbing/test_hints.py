"""A refused key is told where it stands, how it is written, what it means and in which unit."""

import copy

import pytest
import yaml
from snakemake.utils import update_config

from jetchain.core.errors import ConfigurationError
from jetchain.plumbing.configuration import Configuration, load
from jetchain.plumbing.hints import explained

DEFAULT = Configuration().model_dump(mode="json")


def refused(text: str) -> str:
    values = copy.deepcopy(DEFAULT)
    update_config(values, yaml.safe_load(text))
    with pytest.raises(ConfigurationError) as error:
        load(values)
    return str(error.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        # a key of another section: the nearest place, not a name that looks alike
        ("tagging: {epochs: 5}", "epochs: unknown key. It stands in another section: "
         "tagging.training.epochs."),
        ("generate: {samples: {top: {events: 40}}}", "<name>.generation.events"),
        ("generate: {samples: {top: {generation: {shards: 4}}}}", "samples.<name>.shards."),
        ("tagging: {pfn: {phi_sizes: [8]}}", "tagging.models.pfn."),
        ("epochs: 5", "tagging.training.epochs"),
        # none that is near anywhere, capitals, a misspelt one
        ("jobs: 4", "Keys here: anomaly, background"),
        ("Seed: 4", "Did you mean 'seed'?"),
        ("jets: {clusterng: {}}", "Did you mean 'clustering'?"),
        ("tagging: {taggers: [ParticleNet]}", "'ParticleNet'. Did you mean 'particlenet'?"),
        # sections written with points, as some programs have them
        ("tagging.training.epochs: 5", "write tagging: {training: {epochs: 5}}."),
        ("tagging: {training.epochs: 5}", "write training: {epochs: 5}."),
        # what is empty, and one value in the place of several
        ("generate:", "generate: is empty, where a section with keys such as samples"),
        ("generate: {samples: {top: }}", "samples.top: is empty, where a section with keys"),
        ("generate: {samples: [top]}", "samples: entries by name, each with keys such as shards"),
        ("generate: {samples: {mine: {source: my.hepmc}}}", "such as format, files"),
        ("tagging: {taggers: }", "taggers: is empty: give a list"),
        ("tagging: {taggers: pfn, }", "a list is wanted: [pfn]."),
        ("tagging: {taggers: 'pfn, bdt'}", "a list is wanted: [pfn, bdt]."),
        # a class that is taken out under another name
        ("tagging: {classes: {quarks: }}", "no 'quarks'. Did you mean 'quark'?"),
        ("tagging: {classes: {w: }}", "classes.w: null takes a class out, but there is no 'w'."),
        # values with the meaning of their key, and its unit
        ("inference: {limits: {level: 95}}", "(got 95): 1 - confidence level."),
        ("jets: {clustering: {pt_min: -1}}", " [GeV]."),
        ("generate: {samples: {top: {luminosity: 12 fb}}}", " [1/fb]."),
        ("graphs: {jets: {pt_min: 0.5, pt_max: 1.0}}", "200 GeV must not be above"),
        ("anomaly: {signal_region: [3300, 3700]}", "3700 TeV must be below"),
        # what is no name to YAML
        ("1: 2", "reads a key here as 1,"),
        ("tagging: {no: 3}", "tagging: YAML reads a key here as False,"),
    ],
)  # fmt: skip
def test_what_was_meant_is_told(text, told):
    assert told in refused(text)
    assert "valid dictionary" not in refused(text)


def test_a_refusal_without_a_key_stays_as_it_is():
    before = ConfigurationError("Not valid:\n  - one\n  - two", "Mend it.")
    assert str(explained(Configuration, DEFAULT, before)) == str(before)
