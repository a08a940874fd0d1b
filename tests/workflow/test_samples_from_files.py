"""Samples from files go through the rules: the right one for each format, a changed file its shard.

They run in folders of their own, beside no tiny run.
"""

import hashlib
import shutil

import pytest

from helpers.cocoa_file import FILE
from helpers.records import hepmc_event, pythia_events, write_hepmc
from helpers.snakemake import planned_rules, snakemake


def samples(**sources):
    return {
        "generate": {
            "samples": {
                name: {"shards": len(files), "source": {"format": form, "files": files}}
                for name, (form, files) in sources.items()
            }
        }
    }


def write(folder, name, events):
    columns, _ = pythia_events("W", 3)
    write_hepmc(folder / name, [hepmc_event(columns[i], i) for i in range(events)])


@pytest.mark.shared
def test_a_changed_file_makes_its_shard_anew(tmp_path):
    overlay = samples(mine=("hepmc3", ["one.hepmc", "two.hepmc"]))
    target = "results/generate/mine/summary.json"
    write(tmp_path, "one.hepmc", 2)
    write(tmp_path, "two.hepmc", 3)
    done = snakemake(tmp_path, target, overlay=overlay)
    assert done.returncode == 0, done.stdout
    assert '"kept": 5' in (tmp_path / target).read_text()
    assert planned_rules(tmp_path, target, overlay=overlay) == {}
    (tmp_path / "one.hepmc").touch()
    assert planned_rules(tmp_path, target, overlay=overlay) == {}
    write(tmp_path, "two.hepmc", 1)
    assert planned_rules(tmp_path, target, overlay=overlay) == {
        "import_hepmc": 1,
        "summarise_sample": 1,
    }


@pytest.mark.shared
def test_odd_names_without_a_home_or_a_path(tmp_path):
    folder = tmp_path / "a b {c} é #h 'q' $d -e"
    folder.mkdir()
    names = ["-x.hepmc", "a 'b' > \"c\" $HOME #*.hepmc"]
    for name in names:
        write(folder, name, 1)
    sums = {n: f"md5:{hashlib.md5((folder / n).read_bytes()).hexdigest()}" for n in names}
    overlay = samples(mine=("hepmc3", names))
    overlay["generate"]["samples"]["mine"]["source"]["checksums"] = sums
    done = snakemake(
        folder, "results/generate/mine/summary.json", overlay=overlay,
        environment={
            "PATH": "/usr/bin:/bin", "HOME": "/dev/null/none", "XDG_CACHE_HOME": str(tmp_path)
        },
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert '"kept": 2' in (folder / "results/generate/mine/summary.json").read_text()
    made = "".join(path.read_text() for path in (folder / ".snakemake/metadata").glob("*"))
    assert all(f"--checksum {each}" in made for each in sums.values())


@pytest.mark.shared
@pytest.mark.parametrize(
    ("form", "rules"),
    [
        ("hepmc3", {"import_hepmc", "simulate_detector"}),
        ("lhe", {"import_lhe", "simulate_detector"}),
        ("delphes", {"import_delphes", "simulate_detector"}),
        ("cocoa", {"import_cocoa_truth", "import_cocoa"}),
    ],
)
def test_each_format_has_its_rules(tmp_path, form, rules):
    (tmp_path / "a.root").write_bytes(b"")
    overlay = samples(mine=(form, ["a.root"]))
    target = "results/detector/mine/0000.root"
    planned = planned_rules(tmp_path, target, overlay=overlay)
    assert planned == dict.fromkeys(rules, 1)
    of_pythia = planned_rules(tmp_path, "results/detector/W/0000.root", overlay=overlay)
    assert of_pythia == {"generate_sample": 1, "simulate_detector": 1}


@pytest.mark.shared
def test_published_jets_need_nothing_of_the_rooms_before(tmp_path):
    for name in ("1.h5", "2.h5"):
        (tmp_path / name).write_bytes(b"")
    source = {"format": "top_tagging", "files": ["?.h5"]}
    overlay = {"graphs": {"samples": {"mine": {"source": source, "shards": 4}}}}
    target = "results/graphs/jets/parametric/mine/0003.safetensors"
    assert planned_rules(tmp_path, target, overlay=overlay) == {"import_jets": 1}


@pytest.mark.shared
def test_only_events_that_pass_are_removed_after_particle_flow(tmp_path):
    for names, rule in ((["W"], "simulate_passing"), ([], "simulate_detector")):
        overlay = {"detector": {"passing_samples": names}}
        planned = planned_rules(tmp_path, "results/detector/W/0000.json", overlay=overlay)
        assert planned == {"generate_sample": 1, rule: 1}


@pytest.mark.shared
def test_cocoas_events_reach_the_detectors_summary(tmp_path):
    shutil.copy(FILE, tmp_path / "cocoa.root")
    target = "results/detector/mine/summary.json"
    done = snakemake(tmp_path, target, overlay=samples(mine=("cocoa", ["cocoa.root"])))
    assert done.returncode == 0, done.stdout
    assert '"events": 3' in (tmp_path / target).read_text()


def test_a_file_that_is_not_there_is_refused_before_any_job(tmp_path):
    done = snakemake(
        tmp_path, "results/generate/mine/0000.root",
        overlay=samples(mine=("hepmc3", ["none.hepmc"])),
    )  # fmt: skip
    assert done.returncode != 0
    assert "generate.samples.mine.source.files: there is no file 'none.hepmc'" in done.stdout
    assert "Traceback" not in done.stdout


@pytest.mark.shared
def test_a_damaged_file_stops_its_job_with_cause_and_remedy(tmp_path):
    write(tmp_path, "a.hepmc", 2)
    whole = (tmp_path / "a.hepmc").read_bytes()
    (tmp_path / "a.hepmc").write_bytes(whole[: len(whole) // 2])
    overlay = samples(mine=("hepmc3", ["a.hepmc"]))
    done = snakemake(tmp_path, "results/generate/mine/0000.root", overlay=overlay)
    assert done.returncode != 0
    for words in ("a.hepmc: cut short or damaged after event", "Remedy: Copy or make the file"):
        assert words in done.stdout
    assert not (tmp_path / "results/generate/mine/0000.root").exists()
