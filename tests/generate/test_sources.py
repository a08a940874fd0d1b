"""Files of a source: patterns, kinds, and parts of files of every format."""

import gzip
import re
import shutil
from pathlib import Path

import awkward as ak
import pytest

from helpers.cocoa_file import FILE
from helpers.records import hepmc_event, pythia_events, write_delphes, write_hepmc
from jetchain.core.errors import ConfigurationError, DataError
from jetchain.core.io.events import read_events
from jetchain.core.io.tables import read_json
from jetchain.core.schema.generate import GENERATED, ShardAccount
from jetchain.core.settings import parse
from jetchain.core.sources import found
from jetchain.core.trees import Part
from jetchain.generate.import_cocoa import import_cocoa
from jetchain.generate.import_delphes import import_delphes
from jetchain.generate.import_hepmc import import_hepmc
from jetchain.generate.settings import GenerateSettings, SourceSettings
from jetchain.generate.summarise import combine


def sample(*files, format="hepmc3", **keys):
    source = {"format": format, "files": [*files]}
    return parse(GenerateSettings, {"samples": {"a": {"source": source, **keys}}}).samples["a"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, and home, with three files."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("b.hepmc", "a.hepmc", "deep/down/c.hepmc"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text("HepMC::Version 3\n")
    Path("d.hepmc").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("names", "files"),
    [
        (["*.hepmc"], ["a.hepmc", "b.hepmc"]),
        (["b.hepmc", "deep/**/*.hepmc"], ["b.hepmc", "deep/down/c.hepmc"]),
        (["[a-b].hepmc"], ["a.hepmc", "b.hepmc"]),
        (["~/?.hepmc"], ["{home}/a.hepmc", "{home}/b.hepmc"]),
        (["~/a.hepmc"], ["{home}/a.hepmc"]),
    ],
)
def test_patterns_name_files_in_order_and_shards_follow(folder, names, files):
    found = sample(*names)
    assert found.source.files == [name.format(home=folder) for name in files]
    assert (found.shards, found.parts) == (len(files), 1)
    assert sample(*names, shards=3 * len(files)).parts == 3


def test_objects_of_a_storage_are_no_patterns(folder):
    assert found(["s3://bucket/*.hepmc", "a*.hepmc"]) == ["s3://bucket/*.hepmc", "a.hepmc"]


def test_a_file_with_the_very_name_is_no_pattern(folder):
    Path("[a].hepmc").touch()
    assert sample("[a].hepmc").source.files == ["[a].hepmc"]


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["*.root"], "no file matches '*.root' (seen from"),
        (["a.hepmc", "?.hepmc"], "'a.hepmc' is named twice"),
        (["a.hepmc", "a.hepmc"], "'a.hepmc' is named twice"),
        (["s3://bucket/a.hepmc", "s3://bucket/a.hepmc"], "a.hepmc' is named twice"),
        (["~nobody_here/x.hepmc"], "write the folder out"),
        (["ftp://x/a.hepmc"], "storages are s3://, root://"),
        (["s3://bucket/a.hepmc"], "snakemake-storage-plugin-s3, which is not installed"),
        (["e.hepmc"], "there is no file 'e.hepmc' (seen from"),
        (["d.hepmc"], "'d.hepmc' is a folder: name its files, or a pattern such as 'd.hepmc/*'"),
        (["$HOME/d.hepmc"], "write ~ for your home folder"),
    ],
)
def test_names_that_lead_nowhere_are_refused(folder, monkeypatch, names, words):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ConfigurationError) as caught:
        sample(*names)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("names", "both"),
    [
        (["a.hepmc", "./a.hepmc"], "'a.hepmc' and './a.hepmc'"),
        (["a.hepmc", "deep/../a.hepmc"], "'a.hepmc' and 'deep/../a.hepmc'"),
        (["a.hepmc", "~/a.hepmc"], "'a.hepmc' and '{home}/a.hepmc'"),
        (["{home}/a.hepmc", "a.hepmc"], "'{home}/a.hepmc' and 'a.hepmc'"),
        (["a.hepmc", "deep/link.hepmc"], "'a.hepmc' and 'deep/link.hepmc'"),
        (["a.hepmc", "deep/folder/a.hepmc"], "'a.hepmc' and 'deep/folder/a.hepmc'"),
        (["*.hepmc", "{home}/b.hepmc"], "'b.hepmc' and '{home}/b.hepmc'"),
    ],
)
def test_a_file_by_two_spellings_is_refused(folder, names, both):
    Path("deep/folder").symlink_to(folder)
    Path("deep/link.hepmc").symlink_to(folder / "a.hepmc")
    with pytest.raises(ConfigurationError) as caught:
        sample(*(name.format(home=folder) for name in names))
    words = f"{both.format(home=folder)} are the same file: its events would count twice"
    assert words in str(caught.value)


def test_a_pattern_that_has_a_file_and_its_link_is_refused(folder):
    Path("z.hepmc").symlink_to("a.hepmc")
    with pytest.raises(ConfigurationError, match=r"'a\.hepmc' and 'z\.hepmc' are the same"):
        sample("*.hepmc")


def test_files_of_equal_content_are_two(folder):
    Path("deep/a.hepmc").write_bytes(Path("a.hepmc").read_bytes())
    assert sample("a.hepmc", "deep/a.hepmc").shards == 2


@pytest.mark.parametrize("name", ["a.hepmc", "?.hepmc"])
def test_a_folder_that_cannot_be_looked_into_is_refused(folder, monkeypatch, name):
    def refuse(self):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "is_file", refuse)  # root may read all
    with pytest.raises(ConfigurationError, match=r"a\.source\.files: '.\.hepmc' cannot be looked"):
        sample(name)


def test_a_name_that_no_file_can_have_is_refused(folder):
    with pytest.raises(ConfigurationError, match=r"source\.files: 'a+' cannot be looked at \(File"):
        sample(300 * "a")


@pytest.mark.parametrize("files", ["a.hepmc", "?.hepmc", "s3://bucket/deep/a.hepmc"])
@pytest.mark.parametrize("name", ["A.hepmc", "./a.hepmc", "deep/a.hepmc", "c.hepmc"])
def test_checksums_of_no_file_are_refused(folder, monkeypatch, files, name):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: "installed")
    source = {"format": "hepmc3", "files": [files]}
    stated = "md5:" + 32 * "0"
    found = parse(SourceSettings, source | {"checksums": {"a.hepmc": stated}})
    assert found.checksums == {"a.hepmc": stated}
    words = (
        rf"checksums: unknown name .* '{re.escape(name)}'\. (Did you mean '[ab]\.|Known names: a)"
    )
    with pytest.raises(ConfigurationError, match=words):
        parse(SourceSettings, source | {"checksums": {name: stated}})


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"root\0\0", "ROOT"),
        (b"HepMC::Version 3\n", "HepMC"),
        (b'\n<LesHouchesEvents version="3.0">\n', "Les Houches"),
        (gzip.compress(b"<LesHouchesEvents>\n", mtime=0), "Les Houches"),
    ],
)
def test_files_of_another_kind_are_refused(folder, content, kind):
    (folder / "x.dat").write_bytes(content)
    right = {"ROOT": ("delphes", "cocoa"), "HepMC": ("hepmc3",), "Les Houches": ("lhe",)}[kind]
    for format in ("hepmc3", "lhe", "delphes", "cocoa"):
        if format in right:
            sample("x.dat", format=format)
        else:
            with pytest.raises(ConfigurationError, match=f"'x.dat' is a {kind} file"):
                sample("x.dat", format=format)


def test_what_only_texts_may_be_is_refused_in_gzip(folder):
    (folder / "x.root").write_bytes(gzip.compress(b"root\0\0", mtime=0))
    with pytest.raises(ConfigurationError, match=r"a ROOT file compressed by gzip.*gunzip x\.root"):
        sample("x.root", format="delphes")


def test_a_file_that_cannot_be_read_is_refused(folder, monkeypatch):
    def refuse(self, *_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)  # root may read all
    with pytest.raises(ConfigurationError, match=r"cannot be read \(Permission denied\).*chmod u"):
        sample("a.hepmc")


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """One file of each format, by its name, with its verb and number of events."""
    folder = tmp_path_factory.mktemp("parts")
    columns, _ = pythia_events("W", 3)
    events = [hepmc_event(columns[i % 3], i) for i in range(7)]
    delphes = write_delphes(folder / "a.root", [columns[i % 3] for i in range(7)])
    return {
        "hepmc2": (import_hepmc, write_hepmc(folder / "2.hepmc", events, "hepmc2"), 7),
        "gz": (import_hepmc, write_hepmc(folder / "3.hepmc.gz", events), 7),
        "delphes": (import_delphes, delphes, 7),
        "cocoa": (import_cocoa, Path(shutil.copy(FILE, folder / "c.root")), 3),
    }


@pytest.mark.parametrize("form", ["hepmc2", "gz", "delphes", "cocoa"])
def test_the_parts_of_a_file_are_the_file(written, tmp_path, form):
    verb, path, events = written[form]

    def take_in(shard, **which):
        files = {"events": tmp_path / "e.root", "summary": tmp_path / "s.json"}
        verb(source=path, shard=f"{shard:04d}", **files, **which)
        return read_events(files["events"], GENERATED), read_json(files["summary"])

    whole, account = take_in(0)
    parts = [take_in(shard, parts=3) for shard in (6, 7, 8)]
    for collection in whole:
        rows = [row for data, _ in parts for row in ak.to_list(data[collection])]
        for row, same in zip(rows, ak.to_list(whole[collection]), strict=True):
            if collection == "event":
                row["number"] = same["number"]
            assert row == same
    total = combine("a", [ShardAccount(**each) for _, each in parts])
    assert total.cross_section_pb == account["cross_section_pb"]
    if total.cross_section_pb:
        assert total.cross_section_error_pb == pytest.approx(0.25, rel=0.05)
    few, _ = take_in(0, limit=2)
    assert ak.to_list(few["particle"].e) == ak.to_list(whole["particle"].e[:2])
    with pytest.raises(DataError, match=f"has {events} events, which cannot fill {events + 1}"):
        take_in(0, parts=events + 1)
    with pytest.raises(DataError, match=f"has {events} events, fewer than the {events + 1}"):
        take_in(0, limit=events + 1)


@pytest.mark.parametrize("events", [5, 9, 100])
@pytest.mark.parametrize("limit", [0, 5])
def test_each_event_is_in_exactly_one_part(events, limit):
    for parts in range(1, 6):
        rows = [Part(10 * parts + i, parts, limit).rows(Path("x"), events) for i in range(parts)]
        assert [row for part in rows for row in part] == [*range(limit or events)]
        sizes = {len(part) for part in rows}
        assert max(sizes) - min(sizes) <= 1
