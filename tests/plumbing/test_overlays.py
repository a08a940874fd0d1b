"""A key that a file of configuration gives twice is refused: YAML would keep the last one."""

import pytest

from helpers.snakemake import HOUSE
from jetchain.core.errors import ConfigurationError
from jetchain.plumbing.overlays import (
    require_keys_once,
    require_no_result,
    require_options_once,
)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("seed: 1\njets:\n  pt_min: 3\nseed: 2\n", "seed in lines 1 and 4."),
        ("jets:\n  summary: {radius: 1.0, radius: 0.8}\n", "jets.summary.radius in lines 2 and 2."),
        ("a:\n- b: 1\n- b: 1\n  b: 2\n", "a.1.b in lines 3 and 4."),
        ('{\n\t"seed": 1,\n\t"seed": 2\n}\n', "seed in lines 2 and 3."),
    ],
)
def test_a_key_given_twice_is_refused_with_its_lines(tmp_path, text, told):
    path = tmp_path / "my.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as error:
        require_keys_once([path])
    assert f"{path}: {told}" in error.value.cause


def test_keys_once_anchors_and_all_our_files_pass(tmp_path):
    path = tmp_path / "my.yaml"
    path.write_text("a: &same {b: 1}\nc: *same\nd: [*same, *same]\n")
    require_keys_once([path, *(HOUSE / "config").glob("*.yaml")])


def test_a_result_behind_configfile_is_refused_as_a_target(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    require_no_result([tmp_path / "my.yaml", tmp_path / "results/provenance/configuration.yaml"])
    with pytest.raises(ConfigurationError, match=r"pfn/metrics\.json: a result"):
        require_no_result([tmp_path / "results/tagging/pfn/metrics.json"])


@pytest.mark.parametrize(
    "words",
    [
        "all --configfile a.yaml --configfile b.yaml",
        "--configfile=a.yaml --cores 2 --configfiles b.yaml -- all",
        "--config seed=1 --cores 2 --config jets={}",
        "--config seed=1 -C jets={}",
    ],
)
def test_an_option_given_twice_is_refused_as_snakemake_keeps_the_last(words):
    with pytest.raises(ConfigurationError, match="is given 2 times, and only the last"):
        require_options_once(words.split())


def test_one_option_with_several_words_passes():
    words = "--configfile a.yaml b.yaml --config seed=1 x=2 -- --config -C"
    require_options_once(words.split())
