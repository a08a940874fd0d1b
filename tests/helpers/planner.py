"""What Snakemake plans for many variants of a finished run.

The plans are Snakemake's own dry runs, made by `plan_server.py`. The house is a copy, so that a
variant may change its files.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

HOUSE = Path(__file__).resolve().parents[2]
SERVER = Path(__file__).with_name("plan_server.py")
PARTS = ("config", "profiles", "resources", "workflow")
FIELD = re.compile(r"^    (input|output|wildcards|reason): (.*)$")


@dataclass(frozen=True, order=True)
class Job:
    """One job of a plan; two with the same rule and outputs are the same job."""

    rule: str
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class Step:
    """What a plan says of a job."""

    inputs: tuple[str, ...]
    wildcards: Mapping[str, str]
    reason: str
    command: str


Plan = dict[Job, Step]


def jobs_of(text: str) -> Plan:
    """Read the jobs in the output of a dry run with ``--printshellcmds``."""
    plan: Plan = {}
    for block in re.split(r"\n(?=(?:local)?rule \w+:\n)", text)[1:]:
        head, *lines = block.splitlines()
        rule = head.removeprefix("local").removeprefix("rule ").removesuffix(":")
        fields = {}
        for line in lines:
            if match := FIELD.match(line):
                fields[match[1]] = match[2]
            elif line.startswith("Shell command: { python"):
                fields["command"] = line.removeprefix("Shell command: ")
        files = {
            each: tuple(fields[each].split(", ")) if each in fields else ()
            for each in ("input", "output")
        }
        pairs = (pair.split("=") for pair in fields.get("wildcards", "").split(", ") if pair)
        plan[Job(rule, files["output"])] = Step(
            files["input"], dict(pairs), fields.get("reason", ""), fields.get("command", "")
        )
    return plan


class Planner:
    """Plans variants of the run in `folder`, from a copy of the house in `scratch`."""

    def __init__(self, folder: Path, scratch: Path) -> None:
        self.folder = folder
        self.house = scratch / "house"
        self.house.mkdir(parents=True)
        for part in PARTS:
            if (HOUSE / part).is_dir():
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(HOUSE / part, self.house / part, ignore=ignored)
            else:
                shutil.copy2(HOUSE / part, self.house / part)
        path = [str(self.house / "workflow"), *filter(None, [os.environ.get("PYTHONPATH")])]
        self._overlay = scratch / "overlay.yaml"
        self._changed = False
        self._server = subprocess.Popen(
            [sys.executable, "-P", "-B", str(SERVER)],
            cwd=self.house,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def plan(
        self, overlay: dict | None = None, *options: str, target: str = "all", folder=None
    ) -> Plan:
        """The jobs that Snakemake would run for the tiny configuration with an overlay on top."""
        self._overlay.write_text(yaml.safe_dump(overlay or {}))
        request = [
            "--directory", str(folder or self.folder), "--cores", "1", "--dry-run",
            "--printshellcmds", *options, "--configfile", "config/test.yaml", str(self._overlay),
            "--", target,
        ]  # fmt: skip
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps([self._changed, request]) + "\n")
        self._server.stdin.flush()
        code, text = json.loads(self._server.stdout.readline())
        assert code == 0, text[-3000:]
        return jobs_of(text)

    @contextmanager
    def edited(self, texts: Mapping[str, str]) -> Iterator[None]:
        """Files of the house, by their path in it, new or with other content for a while."""
        paths = {self.house / path: text for path, text in texts.items()}
        kept = {path: path.read_text() if path.exists() else None for path in paths}
        self._changed = True
        try:
            for path, text in paths.items():
                path.parent.mkdir(exist_ok=True)
                path.write_text(text)
            yield
        finally:
            self._changed = False
            for path, before in kept.items():
                if before is None:
                    path.unlink()
                    if not any(path.parent.iterdir()):
                        path.parent.rmdir()
                else:
                    path.write_text(before)

    def close(self) -> None:
        """End the server."""
        self._server.communicate()
