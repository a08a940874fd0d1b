"""Which platforms the lock can be installed on: docs/reference/platforms.md, by `make platforms`.

pip is asked, in a dry run for each platform, for wheels of the lock's very versions. What a package
index has changes, so the page says when it was asked. An import is not tried.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from jetchain.core.errors import ResourceError

HOUSE = Path(__file__).resolve().parents[3]
LOCK = HOUSE / "envs" / "requirements.txt"
PAGE = HOUSE / "docs" / "reference" / "platforms.md"
PYTHON = "3.11"
PLATFORMS = {
    "Linux x86-64": ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"),
    "Linux ARM": ("manylinux_2_28_aarch64", "manylinux_2_17_aarch64", "manylinux2014_aarch64"),
    "macOS ARM": tuple(f"macosx_{major}_0_arm64" for major in range(15, 10, -1)),
    "macOS x86-64": (
        *(f"macosx_{major}_0_x86_64" for major in range(15, 10, -1)),
        *(f"macosx_10_{minor}_x86_64" for minor in range(15, 8, -1)),
    ),
    "Windows x86-64": ("win_amd64",),
}
"""The tags that pip on a machine of the kind accepts, newest first."""
_MISSING = re.compile(r"(?:No matching distribution found for|Cannot install) (\S+?)==")


def wheels(pins: list[str], tags: tuple[str, ...]) -> dict[str, str]:
    """The wheel that pip takes for each pin on a platform, by the pin; those without are left out.

    Raises:
        ResourceError: pip fails for another reason, such as no network.
    """
    left = list(pins)
    with TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        while left:
            done = subprocess.run(
                [
                    sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--no-deps",
                    "--ignore-installed", "--only-binary", ":all:", "--python-version", PYTHON,
                    *(word for tag in tags for word in ("--platform", tag)),
                    "--target", folder, "--report", str(report), *left,
                ],
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            if done.returncode == 0:
                break
            missing = _MISSING.search(done.stderr)
            if not missing:
                raise ResourceError(f"pip: {done.stderr[-500:]}", "Run it where pip has an index.")
            left = [pin for pin in left if pin.partition("==")[0] != missing[1]]
        taken = json.loads(report.read_text(encoding="utf-8"))["install"] if left else []
    files = {
        _plain(each["metadata"]["name"]): each["download_info"]["url"].rpartition("/")[2]
        for each in taken
    }
    return {pin: files[_plain(pin.partition("==")[0])] for pin in left}


def _plain(name: str) -> str:
    """A distribution's name as indices compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def page(pins: list[str], found: Mapping[str, Mapping[str, str]], day: str) -> str:
    """The page: how many packages have wheels where, and one row for each that is not the same.

    Args:
        pins: of the lock.
        found: by platform, the wheel of each pin.
        day: when pip was asked.
    """
    sources = [pin for pin in pins if not any(pin in each for each in found.values())]
    compiled = [
        pin
        for pin in pins
        if any(pin in each and "none-any" not in each[pin] for each in found.values())
    ]
    rows = [
        f"| {pin} | " + " | ".join("yes" if pin in each else "**no**" for each in found.values())
        + " |"
        for pin in compiled
    ]  # fmt: skip
    short = [pin for pin in compiled if not all(pin in each for each in found.values())]
    verdict = [
        f"- **{name}**: "
        + (", ".join(lacking) + " would have to be built" if lacking else "all of them")
        for name, each in found.items()
        for lacking in [[pin for pin in compiled if pin not in each]]
    ]
    return f"""# Platforms

Asked on {day} by `make platforms`, for Python {PYTHON}: which packages of the lock
(`envs/requirements.txt`) have wheels where. What has none pip builds from source, where it can. The
tests run on Linux x86-64 and nowhere else.

Of {len(pins)} packages {len(compiled)} hold compiled code, {len(sources)} come as source everywhere
({", ".join(sources) or "none"}), and the others are plain Python. Compiled ones with a wheel:

{chr(10).join(verdict)}

{"Not everywhere: " + ", ".join(short) + "." if short else ""}

| package | {" | ".join(found)} |
|---|{"---|" * len(found)}
{chr(10).join(rows)}
"""


def main() -> int:
    """Ask pip for all platforms, and write the page."""
    lines = LOCK.read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    found = {}
    for name, tags in PLATFORMS.items():
        found[name] = wheels(pins, tags)
        print(f"{name}: {len(found[name])} of {len(pins)}")
    PAGE.write_text(page(pins, found, f"{datetime.now(UTC):%Y-%m-%d}"), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
