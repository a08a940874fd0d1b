"""``python -m jetchain.plumbing.refused STATUS LOG INPUT ... -- OUTPUT ...``: one of many failed.

Of the points of a scan one may have too few events after its cut, or a training that diverges: what
the others found stands. The shell of its jobs calls this when one fails so: the outputs then hold
why, instead of results. Jobs that read one of them fail in turn and hand it on, and the summary of
the scan counts the point among those without a result. All other failures stay failures.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from jetchain.core.errors import EmptySampleError, TrainingError
from jetchain.core.io.refusals import refusal, write_refusal
from jetchain.plumbing import checksums

OF_A_POINT = (EmptySampleError.exit_code, TrainingError.exit_code)
"""Failures that the events of one point may have, and others not."""


def reason(status: int, log: str, inputs: Sequence[Path]) -> str | None:
    """Why a point has no result; None where the job's failure is another.

    Args:
        status: exit code of the job.
        log: what it said.
        inputs: of the job.
    """
    handed = [refusal(path) for path in inputs if path.is_file()]
    if any(handed):
        return next(filter(None, handed))
    said = re.findall(r"^jetchain \S+ failed: (.+?)\nRemedy:", log, re.MULTILINE | re.DOTALL)
    return said[-1] if status in OF_A_POINT and said else None


def main(arguments: Sequence[str]) -> int:
    """Write why in the place of the outputs, if it is the point's; returns the exit code."""
    status, log = int(arguments[0]), Path(arguments[1])
    split = arguments.index("--")
    inputs, outputs = ([*map(Path, part)] for part in (arguments[2:split], arguments[split + 1 :]))
    why = reason(status, log.read_text(encoding="utf-8", errors="replace"), inputs)
    if why is None:
        return status
    for path in outputs:
        write_refusal(path, why)
        checksums.record(path)
    with log.open("a", encoding="utf-8") as file:
        file.write(f"This point has no result, the others of its scan go on: {why}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
