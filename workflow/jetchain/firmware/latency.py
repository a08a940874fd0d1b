"""Measure latency and initiation interval of a clocked design by driving it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from jetchain.core.errors import ToolError
from jetchain.core.seeds import generator
from jetchain.firmware.quantise import Array, Format

# Drives one row of inputs (clocks, inputs) a clock; gives the output port (clocks, outputs) as it
# stands after each clock edge.
Clocked = Callable[[Array], Array]


class Model(Protocol):
    """What a clocked design must compute: a `Fixed`, or trees in fixed point."""

    @property
    def number(self) -> int:
        """Number of inputs."""

    @property
    def inputs(self) -> Format | None:
        """Format of the inputs."""

    def at_port(self, x: Array) -> Array:
        """Inputs (events, inputs) in the formats of the ports."""

    def forward(self, x: Array) -> Array:
        """The exact outputs (events, outputs)."""


LONGEST = 256
INTERVALS = range(1, 9)
REMEDY = (
    "This is a fault in jetchain or in the version of da4ml or conifer: install the versions of "
    "envs, and report it if it stays."
)


def find_impulse(network: Model, seed: int) -> Array:
    """An input (1, inputs) that a design answers otherwise than zeros.

    Raises:
        ToolError: 100 random ones give the same outputs.
    """
    random = generator(seed, "impulse")
    assert network.inputs is not None
    quiet = np.zeros((1, network.number))
    rest = network.forward(quiet)
    for _ in range(100):
        impulse = network.at_port(
            random.uniform(network.inputs.low, network.inputs.high, quiet.shape)
        )
        if np.any(network.forward(impulse) != rest):
            return impulse
    raise ToolError(
        "The network gives the same outputs for all inputs: its latency cannot be measured.",
        "Train longer, lower firmware.pruning.sparsity, or raise the bits of its formats.",
    )


def measure_latency(clocked: Clocked, network: Model, impulse: Array) -> int:
    """Clock periods from the edge that takes an input in to the edge that gives its output.

    One clock of another input in a long row of zeros: the response must come exactly once, and
    the time until it comes is the latency.

    Args:
        clocked: the design.
        network: what it must compute.
        impulse: of `find_impulse`.

    Raises:
        ToolError: no response, or not exactly one, within 256 clocks.
    """
    quiet = np.zeros((1, network.number))
    rest = network.forward(quiet)
    answer = network.forward(impulse)
    rows = np.concatenate([np.repeat(quiet, LONGEST, 0), impulse, np.repeat(quiet, LONGEST, 0)])
    seen = clocked(rows)[LONGEST:]  # from the clock that takes the impulse in
    responses = np.flatnonzero(np.any(seen != rest, axis=1))
    if len(responses) != 1 or np.any(seen[responses[0]] != answer):
        raise ToolError(
            f"The design answers an impulse at {len(responses)} clocks of {LONGEST}, instead of "
            "with the right outputs at one.",
            REMEDY,
        )
    return int(responses[0])


def measure_interval(
    clocked: Clocked, x: Array, expected: Array, latency: int
) -> tuple[int, Array]:
    """The smallest number of clocks between inputs at which every output is right.

    Args:
        clocked: the design.
        x: (vectors, inputs) quantised inputs.
        expected: (vectors, outputs) exact outputs.
        latency: in clocks.

    Returns:
        The initiation interval, and the outputs (vectors, outputs) at that interval. If no
        interval up to 8 clocks gives all outputs right: 1 and its outputs, for the caller to count.
    """
    first: Array | None = None
    for interval in INTERVALS:
        rows = np.zeros((interval * (len(x) - 1) + 1 + latency, x.shape[1]))
        rows[: interval * len(x) : interval][: len(x)] = x
        outputs = clocked(rows)[latency::interval][: len(x)]
        if np.array_equal(outputs, expected):
            return interval, outputs
        first = outputs if first is None else first
    assert first is not None
    return 1, first
