"""Unpacking of tar archives, which need not be ours: files and folders below a folder, no more.

What tarfile's own filter "data" does, which Python has from 3.11.4 on only; Debian 12 has 3.11.2.
"""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath


def extract(
    tar: tarfile.TarFile, folder: Path, check: Callable[[str], None] = lambda name: None
) -> None:
    """Unpack all members, owned by the user and written by nobody else.

    Args:
        tar: opened for reading.
        folder: where to.
        check: raises for a name that does not belong into the archive.

    Raises:
        tarfile.ReadError: a member is a link or a device, or would lie outside of the folder.
    """
    tar.extraction_filter = lambda member, path: member  # a later Python has a default of its own
    for member in tar:
        check(member.name)
        name = PurePosixPath(member.name)
        if name.is_absolute() or ".." in name.parts:
            raise tarfile.ReadError(f"it holds {member.name}, outside of the folder")
        if not (member.isreg() or member.isdir()):
            raise tarfile.ReadError(f"it holds {member.name}, neither a file nor a folder")
        member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
        member.uid, member.gid, member.uname, member.gname = os.getuid(), os.getgid(), "", ""
        tar.extract(member, folder)
