"""The manifest and the comparison with it, on a folder of two small artefacts."""

import base64
import contextlib
import fcntl
import json
import os
import tarfile
from pathlib import Path

import pytest

from jetchain.core.checkpoints import SUFFIX
from jetchain.core.errors import DataError
from jetchain.plumbing import checksums, runs
from jetchain.plumbing.provenance import adopt, carry, command, manifest
from jetchain.plumbing.provenance.artefacts import Making, read_artefacts

EVENTS, JETS = "results/generate/top/0000.root", "results/jets/top/0000.root"
CODE = "core.io=0123456789, generate.sample=1123456789; numpy==2.4.6, pythia8mc==8.317.2"
SETTINGS = '{"events": 40, "process": "top"}'


def make(path, content, parents=(), seed=7, code=CODE):
    """An artefact as a job leaves it: the file, its checksum, Snakemake's metadata."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(content)
    checksums.record(Path(path))
    room = Path(path).parts[1]
    log = f"results/logs/{room}/make/top/0000.log"
    Path(log).parent.mkdir(parents=True, exist_ok=True)
    Path(log).write_text("made\n")
    metadata = {
        "rule": f"make_{room}",
        "shellcmd": f"python -m jetchain {room}.make --out {path} --settings '{SETTINGS}' "
        f"--seed {seed} > {log} 2>&1",
        "params": [repr(SETTINGS), repr(seed), repr(code), repr("processes/top.cmnd@0123456789")],
        "input": list(parents),
        "log": [log],
        "starttime": 10.0,
        "endtime": 13.0,
    }
    record = Path(".snakemake/metadata", base64.urlsafe_b64encode(path.encode()).decode())
    record.parent.mkdir(parents=True, exist_ok=True)
    record.write_text(json.dumps(metadata))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    folder = tmp_path / "run"
    folder.mkdir()
    monkeypatch.chdir(folder)
    make(EVENTS, "events")
    make(JETS, "jets", [EVENTS])
    manifest.write_manifest()
    return folder


def test_the_manifest_says_how_each_artefact_was_made(folder):
    entries = manifest.read_manifest(manifest.MANIFEST)
    assert list(entries) == [EVENTS, JETS]
    assert entries[JETS] == {
        "job": "jets/make/top/0000",
        "rule": "make_jets",
        "verb": "jets.make",
        "settings": {"events": 40, "process": "top"},
        "seed": 7,
        "code": {"core.io": "0123456789", "generate.sample": "1123456789"},
        "libraries": {"numpy": "2.4.6", "pythia8mc": "8.317.2"},
        "resources": {"processes/top.cmnd": "0123456789"},
        "parents": [EVENTS],
        "bytes": 4,
        "sha256": checksums.compute(Path(JETS)).sha256,
    }


def test_a_job_without_settings_and_seed():
    making = Making.of("r", "python -m jetchain a.b --x y > results/logs/a/b.log 2>&1", [])
    assert (making.verb, making.settings, making.seed, making.code) == ("a.b", None, None, {})


def test_the_same_files_are_verified(folder, capsys):
    assert command.main(["verify"]) == 0
    assert "All 2 artefacts" in capsys.readouterr().out


@pytest.mark.parametrize("seed_too", [False, True])
def test_the_first_stage_that_differs_is_named_with_its_cause(folder, tmp_path, capsys, seed_too):
    there = tmp_path / "there.json"
    there.write_bytes(manifest.MANIFEST.read_bytes())
    make(EVENTS, "others", seed=8 if seed_too else 7)
    make(JETS, "other jets", [EVENTS])
    assert command.main(["verify", str(there)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "2 of 2 artefacts differ" in lines[0]
    cause = "made with other seed" if seed_too else "another content, though made alike"
    assert lines[1] == f"  {EVENTS}: {cause}"
    assert lines[2] == "and 1 made from them."


def test_a_manifest_is_that_of_where_the_command_is_called(folder, tmp_path, capsys):
    """The default's own name, written out, is this folder's, whatever folder is looked at."""
    other = tmp_path / "other"
    carry.fork(other)
    with contextlib.chdir(other):
        Path(JETS).unlink()
        make(JETS, "other jets", [EVENTS])
        manifest.write_manifest()
    asked = ["--directory", str(other), "verify"]
    assert command.main(asked) == 0
    with contextlib.chdir(folder):
        assert command.main([*asked, str(manifest.MANIFEST)]) == 1
    assert f"  {JETS}: another content" in capsys.readouterr().out


def test_a_tilde_that_the_shell_left_is_the_home_folder(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert command.main(["fork", "~/second"]) == 0
    assert (tmp_path / "second" / JETS).is_file()
    assert not Path("~").exists()


def test_another_library_and_module_are_named(folder):
    there = manifest.read_manifest(manifest.MANIFEST)
    make(EVENTS, "others", code=CODE.replace("2.4.6", "2.4.7").replace("=1123", "=2123"))
    here = {path: manifest.entry(each) for path, each in read_artefacts().items()}
    (found,) = manifest.compare(here, there)
    assert found.how == "made with other code (generate.sample); libraries (numpy)"


def test_damage_and_loss_are_found_though_the_records_are_whole(folder, capsys):
    Path(JETS).write_text("jetz")
    assert command.main(["verify"]) == 1
    assert f"  {JETS}: another content" in capsys.readouterr().out
    Path(JETS).unlink()
    assert command.main(["verify"]) == 1
    assert f"  {JETS}: missing here" in capsys.readouterr().out


def test_more_artefacts_than_the_manifest_knows_are_no_difference(folder, capsys):
    make("results/jets/W/0000.root", "W", [EVENTS])
    assert command.main(["verify"]) == 0
    assert "1 artefacts are here" in capsys.readouterr().out


@pytest.mark.parametrize("content", [None, "{}", "{"])
def test_no_manifest_is_told_with_the_remedy(folder, capsys, content):
    manifest.MANIFEST.unlink()
    if content:
        manifest.MANIFEST.write_text(content)
    assert command.main(["verify"]) == DataError.exit_code
    assert "Remedy: " in capsys.readouterr().err


def test_a_packed_run_unpacks_elsewhere_and_nothing_else_stays(folder, tmp_path, monkeypatch):
    archive, elsewhere = tmp_path / "run.tar", tmp_path / "elsewhere"
    left = Path(JETS).with_name(f".weights{SUFFIX}")  # of a training that failed
    left.mkdir()
    (left / "state.safetensors").touch()
    assert command.main(["pack", str(archive)]) == 0
    with pytest.raises(DataError, match="exists"):
        carry.pack(archive)
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert command.main(["unpack", str(archive)]) == 0
    assert Path(JETS).read_text() == "jets"
    assert Path(JETS).stat().st_mtime_ns == pytest.approx((folder / JETS).stat().st_mtime_ns, 1e-9)
    assert read_artefacts().keys() == {EVENTS, JETS}
    assert not list(elsewhere.rglob(f"*{SUFFIX}*"))
    with pytest.raises(DataError, match="not empty"):
        carry.unpack(archive)


@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_a_damaged_archive_leaves_nothing_behind(folder, tmp_path, monkeypatch, damage, capsys):
    archive, elsewhere = tmp_path / "run.tar", tmp_path / "elsewhere"
    carry.pack(archive)
    content = archive.read_bytes()
    if damage == "cut":
        archive.write_bytes(content[: len(content) // 2])
    else:
        archive.write_bytes(content.replace(b"events\0", b"evenTs\0", 1))
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert command.main(["unpack", str(archive)]) == DataError.exit_code
    assert "Bring it over once more" in capsys.readouterr().err
    assert not list(elsewhere.rglob("*.root"))


def test_an_unfinished_or_damaged_run_is_not_packed(folder, tmp_path):
    mark = Path(".snakemake/incomplete/eHl6")
    mark.parent.mkdir()
    mark.touch()
    with pytest.raises(DataError, match="was cut off"):
        carry.pack(tmp_path / "run.tar")
    mark.unlink()
    with runs.LOCK.open("w") as living:
        fcntl.flock(living, fcntl.LOCK_SH)
        with pytest.raises(DataError, match="at work"):
            carry.pack(tmp_path / "run.tar")
    Path(JETS).write_text("jetz")
    with pytest.raises(DataError, match=f"1 results are not what their jobs wrote, {JETS}"):
        carry.pack(tmp_path / "run.tar")
    assert not (tmp_path / "run.tar").exists()


@pytest.mark.parametrize("asked", [["pack", "run.tar"], ["fork", "second"]])
def test_a_run_that_made_nothing_is_told_so(tmp_path, monkeypatch, capsys, asked):
    monkeypatch.chdir(tmp_path)
    Path("results/logs").mkdir(parents=True)  # as its first job leaves it that failed
    assert command.main(asked) == DataError.exit_code
    assert "holds nothing that a job has made.\nRemedy: " in capsys.readouterr().err
    assert not Path(asked[1]).exists()


def test_an_archive_of_anything_else_is_refused_and_changes_nothing(folder, tmp_path, capsys):
    clone = tmp_path / "clone"
    clone.mkdir()
    (clone / "Makefile").write_text("mine")
    archive = tmp_path / "other.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(folder / JETS, JETS)
        tar.add(folder / EVENTS, "Makefile")
    assert command.main(["--directory", str(clone), "unpack", str(archive)]) == 4
    assert "it is no run of jetchain (it holds Makefile)" in capsys.readouterr().err
    assert (clone / "Makefile").read_text() == "mine"
    assert not (clone / "results").exists()


def test_a_copy_that_was_cut_off_is_not_trusted(folder, tmp_path, monkeypatch):
    """Whatever part of a run was written elsewhere, results in it are refused."""
    files = list(carry._carried())
    assert files[-1].is_relative_to(runs.METADATA)
    whole = [number for number, path in enumerate(files) if str(path) in (EVENTS, JETS)]
    for end in range(min(whole) + 1, len(files)):
        part = tmp_path / f"part{end}"
        for path in files[:end]:
            (part / path).parent.mkdir(parents=True, exist_ok=True)
            (part / path).write_bytes(path.read_bytes())
        with contextlib.chdir(part):
            assert runs.artefacts_without_metadata()


def test_a_fork_shares_artefacts_and_nothing_that_is_written_into(folder, tmp_path):
    target = tmp_path / "fork"
    assert command.main(["fork", str(target)]) == 0
    for path in folder.rglob("*"):
        twin = target / path.relative_to(folder)
        if path.is_file():
            shared = path.relative_to(folder).as_posix() in (EVENTS, JETS)
            assert twin.samefile(path) is shared, path
            assert twin.read_bytes() == path.read_bytes()


def test_what_lies_on_another_disk_behind_a_link_is_carried(folder, tmp_path, monkeypatch):
    disk, archive, second = tmp_path / "disk", tmp_path / "run.tar", tmp_path / "second"
    disk.mkdir()
    Path("results/generate").rename(disk / "generate")
    Path("results/generate").symlink_to("../../disk/generate")
    Path(JETS).rename(disk / "jets.root")
    Path(JETS).symlink_to("../../../../disk/jets.root")
    assert command.main(["pack", str(archive)]) == 0
    assert command.main(["fork", str(second)]) == 0
    elsewhere = tmp_path / "far" / "away"
    elsewhere.mkdir(parents=True)
    monkeypatch.chdir(elsewhere)
    assert command.main(["unpack", str(archive)]) == 0
    for run in (second, elsewhere):
        assert (run / EVENTS).read_text() == "events"
        assert (run / JETS).read_text() == "jets"
        assert not (run / JETS).is_symlink()


@pytest.mark.parametrize("target", ["results/second", ".snakemake/metadata/x", "a/../results"])
def test_a_fork_into_the_run_itself_is_refused(folder, target):
    with pytest.raises(DataError, match="which it would copy"):
        carry.fork(Path(target))
    assert not (folder / "results/second").exists()


def test_a_users_own_file_is_taken_in_and_no_longer_snakemakes(folder, tmp_path, capsys):
    mine = tmp_path / "mine.root"
    mine.write_text("my jets")
    os.utime(mine, (1000, 1000))
    sibling = JETS.replace(".root", ".json")
    make(sibling, "{}", [EVENTS])  # another output of the same job
    twin = tmp_path / "twin"
    os.link(JETS, twin)  # as a fork has it
    assert command.main(["adopt", JETS, str(mine)]) == 0
    assert twin.read_text() == "jets"
    assert Path(JETS).read_text() == "my jets"
    assert Path(JETS).stat().st_mtime > Path(EVENTS).stat().st_mtime - 1
    checksums.require_unchanged([Path(JETS), Path(sibling)])
    assert [path for path, _ in runs.metadata_files()] == [EVENTS]
    entries = {path: manifest.entry(each) for path, each in read_artefacts().items()}
    assert entries[JETS]["verb"] == entries[sibling]["verb"] == "adopted"
    assert adopt.forget() == []
    manifest.write_manifest()
    assert command.main(["verify"]) == 0


def test_what_cannot_be_taken_in_is_named(folder, tmp_path):
    for wrong in ("results/logs/generate/make/top/0000.log", "nothing"):
        with pytest.raises(DataError, match="not the place of a result"):
            adopt.adopt(Path(wrong))
    with pytest.raises(DataError, match="no such file"):
        adopt.adopt(Path(JETS), tmp_path / "nothing")


def test_a_record_that_no_verb_left_is_passed_over(folder, capsys):
    own = "results/mine/own.txt"
    make(own, "x")
    (record,) = [file for path, file in runs.metadata_files() if path == own]
    record.write_text(json.dumps(json.loads(record.read_text()) | {"shellcmd": None}))
    assert manifest.write_manifest() == 2
    assert f"{own}: not the output of a verb" in capsys.readouterr().err


def test_results_without_a_past_are_forgotten(folder, capsys):
    for record in Path(".snakemake/metadata").iterdir():
        record.unlink()
    assert command.main(["forget"]) == 0
    assert not Path(JETS).exists()
    assert not Path(EVENTS).exists()


def test_a_folder_without_results_is_told(tmp_path, capsys):
    assert command.main(["--directory", str(tmp_path), "verify"]) == DataError.exit_code
    assert "no results here" in capsys.readouterr().err


CELLS = "results/detector/top/0000.root"


def test_a_slim_run_has_lost_what_nothing_reads_again(folder, capsys):
    make(CELLS, "cells", [EVENTS])
    own = "results/graphs/own/0000.safetensors"
    make(own, "mine")
    adopt.adopt(Path(own))
    assert command.main(["slim"]) == 0
    assert "1 files removed" in capsys.readouterr().out
    assert [Path(path).exists() for path in (CELLS, own, EVENTS, JETS)] == [False, True, True, True]
    assert command.main(["verify"]) == 0
    assert runs.artefacts_without_metadata() == []


def test_a_run_that_was_cut_off_is_not_made_slim(folder):
    make(CELLS, "cells", [EVENTS])
    mark = Path(".snakemake/incomplete", base64.urlsafe_b64encode(JETS.encode()).decode())
    mark.parent.mkdir()
    mark.write_text("{}")
    assert command.main(["slim"]) == DataError.exit_code
    assert Path(CELLS).exists()


def test_a_slim_archive_unpacks_without_the_cells(folder, tmp_path, monkeypatch):
    make(CELLS, "cells", [EVENTS])
    archive = tmp_path / "run.tar"
    assert command.main(["pack", "--slim", str(archive)]) == 0
    assert Path(CELLS).exists()
    assert CELLS in manifest.read_manifest(manifest.MANIFEST)
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    assert carry.unpack(archive) == 2
    assert not Path(CELLS).exists()
