"""The code blocks of Markdown pages, and a scratch clone in which they run."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from helpers.snakemake import HOUSE
from helpers.tiny import at_rest
from jetchain.plumbing.provenance import carry

FENCE = re.compile(
    r"^(?:<!-- not run: (?P<reason>[^\n]+?) -->\n+)?```(?P<language>[a-z]+)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
# A block whose first line names a file is that file's content.
FILE = re.compile(r"^(?:#|!|//) (?P<path>[\w./-]+\.[a-z]+)\b")
RUN = ("bash", "python")


@dataclass(frozen=True)
class Block:
    """One fenced block of a page.

    Attributes:
        where: page and line.
        language: of the fence.
        text: its content.
        file: where to save it, if its first line says so.
        reason: why it is not run, if the page says so.
    """

    where: str
    language: str
    text: str
    file: str | None
    reason: str | None

    @property
    def counts(self) -> bool:
        """Whether the block is a command, or a file that commands need."""
        return self.file is not None or self.language in RUN


def pages() -> list[Path]:
    """Every page whose commands are run, from the root of the repository."""
    found = [HOUSE / "README.md", HOUSE / "CONTRIBUTING.md", *(HOUSE / "docs").rglob("*.md")]
    return sorted(path.relative_to(HOUSE) for path in found)


def blocks(page: Path) -> Iterator[Block]:
    """The blocks of a page that are commands or files, in order."""
    text = (HOUSE / page).read_text(encoding="utf-8")
    anywhere = re.findall(r"```(?:bash|python)$", text, flags=re.MULTILINE)
    whole = [found for found in FENCE.finditer(text) if found["language"] in RUN]
    assert len(anywhere) == len(whole), f"{page}: a block of commands begins inside a line"
    for found in FENCE.finditer(text):
        named = FILE.match(found["text"])
        block = Block(
            f"{page}:{text.count(chr(10), 0, found.start('text'))}",
            found["language"],
            found["text"],
            named["path"] if named else None,
            found["reason"],
        )
        if block.counts:
            yield block


def make_clone(target: Path, run: Path) -> None:
    """A clone as a reader has it after `make all`, but at tiny scale and with this environment.

    Its Snakefile reads config/test.yaml on top of config/config.yaml, so that commands run verbatim
    at tiny scale; its results are the finished tiny run's, shared by hard links.
    """
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=HOUSE, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    for path in (Path(name) for name in listed.split("\0") if name and (HOUSE / name).is_file()):
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(HOUSE / path, target / path)
    snakefile = target / "workflow/Snakefile"
    default = 'configfile: str(HOUSE / "config/config.yaml")\n'
    text = snakefile.read_text(encoding="utf-8")
    assert default in text
    tiny = default.replace("config.yaml", "test.yaml")
    snakefile.write_text(text.replace(default, default + tiny), encoding="utf-8")
    for command in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "-m", "scratch"]):
        identity = ["-c", "user.name=scratch", "-c", "user.email=scratch"]
        subprocess.run(["git", *identity, *command], cwd=target, check=True)
    environment = target / ".venv"
    environment.mkdir()
    for name in ("bin", "lib", "include", "pyvenv.cfg"):
        if (Path(sys.prefix) / name).exists():
            (environment / name).symlink_to(Path(sys.prefix) / name)
    (environment / ".installed").touch()
    with contextlib.chdir(run):
        at_rest(lambda: carry.fork(target))


def _share_compiled(clone: Path) -> Path:
    """Give a clone what numba has compiled for the same sources here.

    Numba names the folder of a module after its path (`get_suitable_cache_subpath`), and compares
    the time and size of its file.

    Returns:
        the clone's folder of caches.
    """
    caches, ours = clone / ".cache", Path(os.environ["NUMBA_CACHE_DIR"])
    for folder in {path.parent for path in (HOUSE / "workflow" / "jetchain").rglob("*.py")}:
        there = clone / folder.relative_to(HOUSE)
        old, new = (
            f"{each.name}_{hashlib.sha1(str(each).encode()).hexdigest()}"
            for each in (folder, there)
        )
        if (ours / old).is_dir():
            shutil.copytree(ours / old, caches / "jetchain" / ours.name / new)
    return caches


INTERPRETER = """
import contextlib, json, sys, traceback
namespace = {"__name__": "__main__"}
for line in sys.stdin:
    where, text = json.loads(line)
    failure = ""
    with contextlib.redirect_stdout(sys.stderr):
        try:
            exec(compile(text, where, "exec"), namespace)
        except BaseException:
            failure = traceback.format_exc()
    print(json.dumps(failure), flush=True)
"""


class Reader:
    """Does what a page says, in a clone; the Python blocks of a page share one interpreter."""

    def __init__(self, clone: Path) -> None:
        self.clone = clone
        self.environment = os.environ | {
            "PATH": f"{clone / '.venv' / 'bin'}:{os.environ['PATH']}",
            "PYTHONPATH": str(clone / "workflow"),
            "XDG_CACHE_HOME": str(_share_compiled(clone)),
        }
        self.python: subprocess.Popen[str] | None = None

    def follow(self, block: Block) -> None:
        """Save or run one block; fails with its output."""
        if block.file is not None:
            path = self.clone / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
        elif block.language == "bash":
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", block.text],
                cwd=self.clone, env=self.environment, text=True, timeout=600, check=False,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )  # fmt: skip
            assert done.returncode == 0, f"{block.where}:\n{block.text}\n{done.stdout[-4000:]}"
        else:
            failure = self._interpret(block)
            assert not failure, f"{block.where}:\n{block.text}\n{failure}"

    def _interpret(self, block: Block) -> str:
        if self.python is None:
            self.python = subprocess.Popen(
                [sys.executable, "-c", INTERPRETER], cwd=self.clone, env=self.environment,
                text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            )  # fmt: skip
        request, answer = self.python.stdin, self.python.stdout
        assert request is not None
        assert answer is not None
        request.write(json.dumps([block.where, block.text]) + "\n")
        request.flush()
        return json.loads(answer.readline())

    def close(self) -> None:
        """End the interpreter."""
        if self.python is not None:
            self.python.communicate()
