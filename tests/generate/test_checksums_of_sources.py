"""A file of events that is not the one of its stated checksum is refused before it is read."""

import hashlib

import pytest

from jetchain.core.errors import ConfigurationError, DataError
from jetchain.core.settings import parse
from jetchain.core.trees import require_checksum
from jetchain.generate.import_cocoa import import_cocoa
from jetchain.generate.import_delphes import import_delphes
from jetchain.generate.import_hepmc import import_hepmc
from jetchain.generate.import_lhe import import_lhe
from jetchain.generate.settings import LesHouchesJob, SourceSettings


@pytest.mark.parametrize(
    ("verb", "more"),
    [
        (import_hepmc, {}),
        (import_delphes, {}),
        (import_cocoa, {}),
        (import_lhe, {"settings": LesHouchesJob(), "seed": 1}),
    ],
)
def test_another_file_is_refused(tmp_path, verb, more):
    path = tmp_path / "events"
    path.write_bytes(b"another")
    with pytest.raises(DataError, match=r"events: its checksum is sha256:.*, not sha256:0000"):
        verb(
            source=path, events=tmp_path / "e.root", summary=tmp_path / "s.json", shard="0000",
            checksum=f"sha256:{64 * '0'}", **more,
        )  # fmt: skip
    assert [each.name for each in tmp_path.iterdir()] == ["events"]


@pytest.mark.parametrize("method", ["md5", "sha256"])
def test_the_file_itself_passes_and_one_without_a_checksum(tmp_path, method):
    path = tmp_path / "events"
    path.write_bytes(b"right")
    require_checksum(path, f"{method}:{hashlib.new(method, b'right').hexdigest().upper()}")
    require_checksum(path, "")


@pytest.mark.parametrize("stated", ["md5:12", "0" * 32, f"sha1:{40 * '0'}", "sha256:" + 64 * "x"])
def test_what_is_no_checksum_is_refused_with_the_configuration(tmp_path, stated):
    path = tmp_path / "a.hepmc"
    path.touch()
    values = {"format": "hepmc3", "files": [str(path)], "checksums": {"a.hepmc": stated}}
    with pytest.raises(ConfigurationError, match="write md5: and 32, or sha256: and 64"):
        parse(SourceSettings, values)
