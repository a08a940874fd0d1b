"""Readers of files on damaged and odd input: what becomes of a call that may crash or hang."""

from __future__ import annotations

import os
import signal
import tempfile
import traceback
from collections.abc import Callable

from jetchain.core.errors import JetchainError

SECONDS = 20
"""After which a call hangs."""


def refusal(call: Callable[[], None]) -> str:
    """What a call refuses its input with, "" if it takes it; in a process of its own.

    Raises:
        AssertionError: the call crashed, hung, or raised something else than a JetchainError.
    """
    with tempfile.TemporaryFile() as said:
        child = os.fork()
        if child == 0:
            os.dup2(said.fileno(), 1)
            os.dup2(said.fileno(), 2)
            signal.alarm(SECONDS)
            os._exit(_run(call))
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        said.seek(0)
        text = said.read().decode(errors="replace")
    assert status in (0, REFUSED), f"status {status} (negative: signal)\n{text}"
    return text.rpartition(MARK)[2] if status == REFUSED else ""


REFUSED, MARK = 4, "\0refused: "


def _run(call: Callable[[], None]) -> int:
    try:
        call()
    except JetchainError as error:
        os.write(2, f"{MARK}{error}".encode(errors="replace"))
        return REFUSED
    except BaseException:
        os.write(2, traceback.format_exc().encode(errors="replace"))
        return 1
    return 0
