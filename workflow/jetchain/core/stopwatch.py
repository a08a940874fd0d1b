"""CPU time of the steps that the benches measure."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


class Stopwatch:
    """Calls functions, and keeps in `seconds` the CPU time that each took, by its name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def __call__(self, name: str, work: Callable[[], Result]) -> Result:
        """What the function returns."""
        started = time.process_time()
        result = work()
        self.seconds[name] = time.process_time() - started
        return result
