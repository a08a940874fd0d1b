"""Archives are unpacked below a folder: no links or devices, nothing outside, no other rights."""

import io
import os
import tarfile

import pytest

from jetchain.core.io.archives import extract


def archive(name: str, kind: bytes = tarfile.REGTYPE, mode: int = 0o4777) -> tarfile.TarFile:
    """One member that belongs to somebody else."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        member = tarfile.TarInfo(name)
        member.type, member.mode, member.uid, member.linkname = kind, mode, 12345, "/etc/passwd"
        member.size = 3 if kind == tarfile.REGTYPE else 0
        tar.addfile(member, io.BytesIO(b"abc"))
    raw.seek(0)
    return tarfile.open(fileobj=raw)


def test_files_are_the_user_s_and_run_where_they_ran(tmp_path):
    for name, mode, wanted in (("a/run.sh", 0o4777, 0o755), ("a/data", 0o600, 0o644)):
        extract(archive(name, mode=mode), tmp_path)
        found = (tmp_path / name).stat()
        assert (found.st_mode & 0o7777, found.st_uid) == (wanted, os.getuid())
        assert (tmp_path / name).read_bytes() == b"abc"


@pytest.mark.parametrize("name", ["../a", "/a", "a/../../b"])
def test_nothing_lies_outside(tmp_path, name):
    with pytest.raises(tarfile.ReadError, match="outside of the folder"):
        extract(archive(name), tmp_path / "folder")
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_are_refused(tmp_path, kind):
    with pytest.raises(tarfile.ReadError, match="neither a file nor a folder"):
        extract(archive("a", kind), tmp_path)
    assert [*tmp_path.iterdir()] == []


def test_a_name_can_be_refused(tmp_path):
    def refuse(name):
        raise tarfile.ReadError(name)

    with pytest.raises(tarfile.ReadError, match="other"):
        extract(archive("other"), tmp_path, refuse)
