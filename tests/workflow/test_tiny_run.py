"""The tiny configuration for real, through every room; then what a user does to a finished run."""

import os

import pytest

from helpers.snakemake import planned_rules, snakemake

pytestmark = pytest.mark.workflow


def test_every_room_leaves_its_results_and_every_figure_comes_twice(tiny_run):
    rooms = {path.name for path in (tiny_run / "results").iterdir()}
    assert rooms >= {
        "generate", "detector", "particleflow", "jets", "graphs", "tagging", "anomaly",
        "background", "inference", "firmware", "reporting",
    }  # fmt: skip
    figures = sorted((tiny_run / "results" / "reporting").rglob("*.png"))
    assert len(figures) >= 15
    for figure in figures:
        assert figure.with_suffix(".pdf").stat().st_size > 1000, figure
        assert figure.stat().st_size > 5000, figure


def test_a_second_run_has_nothing_to_do(tiny_run):
    done = snakemake(tiny_run, "all")
    assert done.returncode == 0
    assert "Nothing to be done" in done.stdout


def test_the_default_profile_is_used(tiny_run):
    done = snakemake(tiny_run, "all")
    assert "Using workflow specific profile" in done.stdout
    assert "profiles/default" in done.stdout


def test_bytes_depend_neither_on_the_cores_nor_on_the_folder(tiny_run, tmp_path):
    targets = [
        "results/tagging/pfn/metrics.json",
        "results/background/cwola/yields.json",
        "results/particleflow/performance/mlpf.json",
        "results/firmware/quantised/scores.safetensors",
        "results/reporting/jets/jet_mass.png",
    ]
    done = snakemake(tmp_path, *targets, cores=1)
    assert done.returncode == 0, done.stdout[-3000:]
    made = [
        path.relative_to(tmp_path)
        for path in sorted((tmp_path / "results").rglob("*"))
        if path.is_file() and path.parts[len(tmp_path.parts) + 1] not in ("logs", "benchmarks")
    ]
    assert len(made) > 80
    differ = [
        str(path)
        for path in made
        if (tmp_path / path).read_bytes() != (tiny_run / path).read_bytes()
    ]
    assert differ == []


def test_a_touched_file_reruns_nothing(copy):
    for path in (copy / "results").rglob("*"):
        os.utime(path)
    assert planned_rules(copy, "all") == {}


def test_a_changed_key_reruns_what_depends_on_it_and_nothing_above(tiny_run):
    planned = planned_rules(tiny_run, "all", overlay={"inference": {"limits": {"level": 0.1}}})
    rooms = " ".join(planned)
    assert planned
    assert "limits" in rooms
    for above in ("generate", "detector", "simulate", "cluster", "train", "cathode"):
        assert above not in rooms, planned


def test_another_root_seed_reruns_the_generation(tiny_run):
    planned = planned_rules(tiny_run, "all", overlay={"seed": 3})
    assert any("generate" in rule for rule in planned), planned


def first(folder, pattern):
    return sorted(folder.glob(pattern))[0]


def test_a_root_file_cut_short_stops_its_reader_with_the_remedy(copy):
    damaged = first(copy, "results/generate/quark/*.root")
    reader = copy / "results/detector/quark" / damaged.name
    whole, simulated = damaged.read_bytes(), reader.read_bytes()
    damaged.write_bytes(whole[: len(whole) // 2])
    other = first(copy, "results/inference/*/limits.json")
    before = other.read_bytes()
    done = snakemake(copy, "all")
    assert done.returncode != 0
    assert damaged.name in done.stdout
    assert "cut short or damaged" in done.stdout
    assert "Remedy: Remove it and run the same command again" in done.stdout
    assert other.read_bytes() == before
    damaged.unlink()
    done = snakemake(copy, str(reader.relative_to(copy)))
    assert done.returncode == 0, done.stdout[-3000:]
    assert damaged.read_bytes() == whole, "the same seed must give the same bytes again"
    assert reader.read_bytes() == simulated


def test_a_full_disk_stops_the_job_and_loses_nothing(copy):
    target = first(copy, "results/inference/*/limits.json")
    before = target.read_bytes()
    others = {path: path.read_bytes() for path in (copy / "results" / "jets").rglob("*.json")}
    target.unlink()
    # The writer's temporary file is a link to the device that is always full.
    part = target.with_name(f".{target.name}.part")
    part.symlink_to("/dev/full")
    done = snakemake(copy, "all")
    assert done.returncode != 0
    assert "no space is left on the disk" in done.stdout
    assert "what was finished is kept" in done.stdout
    assert all(path.read_bytes() == content for path, content in others.items())
    part.unlink(missing_ok=True)
    done = snakemake(copy, str(target.relative_to(copy)))
    assert done.returncode == 0, done.stdout[-3000:]
    assert target.read_bytes() == before


@pytest.mark.parametrize(
    ("overlay", "messages"),
    [
        (
            {"jets": {"clustering": {"pt_minimum": 3.0}}},
            ["jets.clustering.pt_minimum: unknown key. Did you mean 'pt_min'?"],
        ),
        (
            {"jets": {"clustering": {"pt_min": -3.0}}},
            ["jets.clustering.pt_min", "greater than", "(got -3.0)"],
        ),
        (
            {"generate": {"samples": {"quark": {"generation": {"process": "qark"}}}}},
            ["generate.samples.quark.generation.process", "Did you mean 'quark'?"],
        ),
        (
            {"tagging": {"models": {"particlenett": {}}}},
            ["tagging.models", "Did you mean 'particlenet'?"],
        ),
        ({"generate": {"samples": None}}, ["generate.samples"]),
    ],
)
def test_a_wrong_configuration_is_refused_before_any_job(tmp_path, overlay, messages):
    done = snakemake(tmp_path, "all", overlay=overlay)
    assert done.returncode != 0
    for message in messages:
        assert message in done.stdout
    assert "Traceback" not in done.stdout
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("generation", "messages"),
    [
        ({"overrides": ["HardQCD:al = on"]}, ["HardQCD:al", "Remedy:"]),
        ({"overrides": ["HardQCD:all = off", "HardQCD:gg2qqbar = off"]}, []),
        ({"filter": {"jet_pt_min": 6000.0}}, ["No event of 'quark'", "jet_pt_min", "Remedy:"]),
    ],
)
def test_a_sample_that_cannot_be_made_stops_its_job_only(tmp_path, generation, messages):
    target = "results/generate/quark/0000.root"
    overlay = {"generate": {"samples": {"quark": {"generation": generation}}}}
    done = snakemake(tmp_path, target, overlay=overlay)
    assert (done.returncode != 0) is bool(messages)
    for message in messages:
        assert message in done.stdout
    assert (tmp_path / target).exists() is not bool(messages)
