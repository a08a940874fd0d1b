"""The processor of this machine, beside what is measured on it."""

from __future__ import annotations

import platform
import re
from pathlib import Path


def processor(about: Path = Path("/proc/cpuinfo")) -> str:
    """The name of this machine's processor; its kind where the system does not tell."""
    text = about.read_text(encoding="utf-8") if about.is_file() else ""
    names = re.findall(r"^model name\s*: (.+)$", text, re.MULTILINE)
    return names[0] if names else platform.machine()
