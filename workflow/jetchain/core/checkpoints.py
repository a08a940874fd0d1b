"""Checkpoints of trainings: a job that was killed goes on at its last epoch when it is run again.

The launcher gives a job a folder for them (`kept_in`), and each training of the job keeps its state
there in a file of its own. The file is named by a digest of all that the training's numbers depend
on: no training goes on from the state of another. Outside such a folder nothing is kept.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from jetchain.core.io.atomic import atomic

SUFFIX = ".checkpoint"
"""Of the names of such folders, which no artefact has."""

SHARE = 0.02
"""Largest part of a training's time that goes into its checkpoints."""

_job: ContextVar[tuple[Path, Callable[[], str]] | None] = ContextVar("_job", default=None)


@contextmanager
def kept_in(folder: Path, identity: Callable[[], str]) -> Iterator[None]:
    """Keep the checkpoints of the trainings in this block; remove them if it ends without error.

    Args:
        folder: where; made when the first is written.
        identity: gives what all numbers of the block depend on, such as data and code; called
            only if there is a training.
    """
    token = _job.set((folder, identity))
    try:
        yield
    finally:
        _job.reset(token)
    shutil.rmtree(folder, ignore_errors=True)


class Checkpoint:
    """The state of one training on disk: nested dicts and lists of tensors, numbers and text.

    Args:
        identity: what its numbers depend on beside the identity of the job, in the same form.
    """

    def __init__(self, identity: Any) -> None:
        from safetensors.torch import save

        self._path: Path | None = None
        self._cost, self._saved = 0.0, time.monotonic()
        job = _job.get()
        if job is not None:
            folder, of_job = job
            digest = hashlib.sha256(of_job().encode() + save(*_pack(identity))).hexdigest()
            self._path = folder / f"{digest}.safetensors"

    def load(self) -> Any:
        """The state that was saved last; None if there is none, or none that can be read."""
        from safetensors import safe_open

        if self._path is None or not self._path.exists():
            return None
        try:
            with safe_open(self._path, "pt") as file:
                return _unpack(json.loads(file.metadata()["state"]), file.get_tensor)
        except Exception:  # a disk that lost power: the training starts anew
            return None

    def save(self, state: Any, *, last: bool) -> None:
        """Write the state in place of the one before, as often as `SHARE` allows, or if `last`."""
        from safetensors.torch import save_file

        started = time.monotonic()
        if self._path is None or (not last and started - self._saved < self._cost / SHARE):
            return
        tensors, metadata = _pack(state)
        with atomic(self._path) as temporary:
            save_file(tensors, temporary, metadata)
        self._saved = time.monotonic()
        self._cost = self._saved - started


def _pack(state: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """The tensors of a state, numbered, and the state as JSON with their numbers in their place.

    A dict becomes ``{"items": [[key, value], ...]}``, since its keys may be integers or tuples.
    """
    import torch

    tensors: dict[str, Any] = {}

    def plain(value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            # A copy: safetensors takes no tensors that share memory, as tied weights do.
            copy = value.detach().cpu().clone(memory_format=torch.contiguous_format)
            tensors[str(len(tensors))] = copy
            return {"tensor": str(len(tensors) - 1)}
        if isinstance(value, dict):
            return {"items": [[key, plain(each)] for key, each in value.items()]}
        if isinstance(value, list | tuple):
            return [plain(each) for each in value]
        return value

    text = json.dumps(plain(state))
    return tensors, {"state": text}


def _unpack(value: Any, tensor: Callable[[str], Any]) -> Any:
    """The state again; a tuple comes back as a list, but for those that are keys."""
    if isinstance(value, list):
        return [_unpack(each, tensor) for each in value]
    if not isinstance(value, dict):
        return value
    if "tensor" in value:
        return tensor(value["tensor"])
    return {
        tuple(key) if isinstance(key, list) else key: _unpack(each, tensor)
        for key, each in value["items"]
    }
