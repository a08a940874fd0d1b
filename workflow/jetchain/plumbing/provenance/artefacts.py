"""What a folder's artefacts are and how each was made, from Snakemake's metadata and checksums."""

from __future__ import annotations

import ast
import itertools
import json
import re
import shlex
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jetchain.plumbing import checksums, runs
from jetchain.plumbing.checksums import Checksum

ADOPTED = "adopted"
LOGS = checksums.RESULTS / "logs"
_CODE = re.compile(r"\w[\w.]*=[0-9a-f]{10}[,;]")
_RESOURCE = re.compile(r"\w[\w./]*@[0-9a-f]{10,16}")


@dataclass(frozen=True)
class Making:
    """How a job made its outputs: all that its numbers depend on beside its inputs.

    `job` is its name, the path of its log; `code` and `libraries` are by module and by library,
    `resources` by name in resources/.
    """

    job: str
    rule: str
    verb: str
    settings: Any
    seed: int | None
    code: dict[str, str]
    libraries: dict[str, str]
    resources: dict[str, str]

    @classmethod
    def of(cls, rule: str, command: str, params: Iterable[Any]) -> Making:
        """From a job's rule, its shell command and the values of its params."""
        called, _, log = command.rpartition(" > ")
        words = shlex.split(called)
        options = dict(itertools.pairwise(words))
        texts = [value for value in params if isinstance(value, str)]
        code = next(filter(_CODE.match, texts), "")
        named = (text.partition("@") for text in [*words, *texts] if _RESOURCE.fullmatch(text))
        resources = {name: digest for name, _, digest in named}
        modules, _, libraries = code.partition("; ")
        seed = options.get("--seed")
        return cls(
            job=str(Path(shlex.split(log)[0]).relative_to(LOGS).with_suffix("")),
            rule=rule,
            verb=words[words.index("jetchain") + 1],
            settings=json.loads(options.get("--settings", "null")),
            seed=None if seed is None else int(seed),
            code=_pairs(modules, "="),
            libraries=_pairs(libraries, "=="),
            resources=resources,
        )


def _pairs(text: str, sign: str) -> dict[str, str]:
    return dict(each.split(sign) for each in text.split(", ") if each)


@dataclass(frozen=True)
class Artefact:
    """One file of results/: how it was made, from which files, and when."""

    path: str
    making: Making
    parents: list[str]
    started: float
    ended: float
    checksum: Checksum | None


def read_artefacts(*, also_missing: bool = False) -> dict[str, Artefact]:
    """The artefacts of this folder that Snakemake knows or a user took in, by path.

    Args:
        also_missing: also those whose files are gone.
    """
    found = {}
    for path, record in runs.metadata_files():
        if checksums.record_of(Path(path)) is None or not runs.is_whole(record):
            continue
        if also_missing or Path(path).exists():
            try:
                found[path] = parse(path, json.loads(record.read_text(encoding="utf-8")))
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                print(f"{path}: not the output of a verb ({error!r})", file=sys.stderr)
    for record in checksums.CHECKSUMS.rglob("[!.]*.json"):
        artefact = checksums.artefact_of(record)
        if str(artefact) not in found and artefact.exists():
            checksum = checksums.read(artefact)
            if checksum is not None and checksum.adopted:
                found[str(artefact)] = _adopted(str(artefact), checksum)
    return dict(sorted(found.items()))


def _adopted(path: str, checksum: Checksum) -> Artefact:
    """A user's own file."""
    making = Making(f"adopted/{path}", ADOPTED, ADOPTED, None, None, {}, {}, {})
    return Artefact(path, making, [], 0.0, 0.0, checksum)


def parse(path: str, metadata: Mapping[str, Any]) -> Artefact:
    """An artefact from what Snakemake recorded of it."""
    return Artefact(
        path=path,
        making=Making.of(
            metadata["rule"], metadata["shellcmd"], map(ast.literal_eval, metadata["params"])
        ),
        parents=metadata["input"],
        started=metadata["starttime"],
        ended=metadata["endtime"],
        checksum=checksums.read(Path(path)),
    )


def ancestors(path: str, parents: Mapping[str, Iterable[str]]) -> set[str]:
    """A file and all that it is made from, directly or not.

    Args:
        path: the file.
        parents: the files that each file was made from.
    """
    seen, left = {path}, [path]
    while left:
        new = set(parents.get(left.pop(), ())) - seen
        seen |= new
        left += new
    return seen


def room_of(path: str) -> str:
    """The room that an artefact belongs to."""
    return Path(path).parts[1]
