"""``python -m jetchain.plumbing.ended <room>.<verb> STATUS``: a job failed; was it by a signal?

The shell of a job calls this when the job fails, and the job's log takes what it says. A job that a
signal ended could say nothing itself.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from jetchain.core.errors import JetchainError

EXIT_STOPPED = 130  # the shell's code for a program that Ctrl-C ended
BY_SIGNAL = 128
"""To which the shell adds the number of the signal that ended a program."""
_CRASHES = ("SIGSEGV", "SIGBUS", "SIGABRT", "SIGFPE", "SIGILL", "SIGSYS", "SIGTRAP")
_AGAIN = "run the same command again: what was finished is kept and is not redone."


def stop_at_once(*_: Any) -> None:
    """End at Ctrl-C, from any depth: an exception could be swallowed by a library on its way up."""
    print("jetchain: stopped on request", file=sys.stderr, flush=True)
    os._exit(EXIT_STOPPED)


def describe(status: int) -> JetchainError | None:
    """What became of a job that a signal ended, from its status in the shell; None for others."""
    number = status - BY_SIGNAL
    # Ctrl-C is no fault, and the launcher has told of it.
    if number not in [*signal.Signals] or number == signal.SIGINT:
        return None
    name = signal.Signals(number).name
    if name == "SIGKILL":
        return JetchainError(
            "it was killed (signal 9, SIGKILL), as a rule by the system, since the memory of the "
            "machine, or that which a cluster or a container grants, was used up.",
            f"Free memory, or run fewer jobs at a time (fewer --cores); then {_AGAIN}",
        )
    if name in _CRASHES:
        return JetchainError(
            f"a library crashed in it (signal {number}, {name}); the lines above show where.",
            "If it was reading a file of another program, make or copy that file anew, or take it "
            "out of the configuration. Else report this log, with the version of jetchain.",
        )
    return JetchainError(
        f"it was ended from outside (signal {number}, {name}).",
        f"Find what ended it, as a time limit or a shutdown; then {_AGAIN}",
    )


def main(verb: str, status: int) -> int:
    """Say what became of a job; returns its status."""
    failure = describe(status)
    if failure is not None:
        print(f"jetchain {verb} failed: {failure}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
