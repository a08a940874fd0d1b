"""Les Houches files of gluon pairs, each event of an energy of its own."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path

import numpy as np

LEAST = 300.0
"""Energy of each gluon of the first event, GeV; the others follow in steps of 1 GeV."""


def les_houches(
    number: int,
    *,
    weights: Sequence[float] = (1.0,),
    strategy: int = 3,
    processes: Sequence[tuple[int, float, float]] = ((7, 50.0, 1.0),),
) -> str:
    """The text of such a file.

    Args:
        number: of events.
        weights: of the events, in turns.
        strategy: IDWTUP.
        processes: code, cross-section and its error, pb, of each; the events are of each in turns.
    """
    random = np.random.default_rng(1)
    lines = [
        '<LesHouchesEvents version="3.0">', "<init>",
        f"2212 2212 6500. 6500. 0 0 247000 247000 {strategy} {len(processes)}",
        *(f"{sigma} {error} {max(weights)} {code}" for code, sigma, error in processes), "</init>",
    ]  # fmt: skip
    for event in range(number):
        e, polar, phi = LEAST + event, random.uniform(-0.7, 0.7), random.uniform(0, 6)
        across = e * np.sqrt(1 - polar**2)
        px, py, pz = across * np.cos(phi), across * np.sin(phi), e * polar
        code = processes[event % len(processes)][0]
        lines += [
            "<event>", f"4 {code} {weights[event % len(weights)]} {e} 0.0078 0.1",
            f"21 -1 0 0 501 502 0 0 {e} {e} 0 0 9", f"21 -1 0 0 502 503 0 0 {-e} {e} 0 0 9",
            f"21 1 1 2 501 504 {px:.9f} {py:.9f} {pz:.9f} {e} 0 0 9",
            f"21 1 1 2 504 503 {-px:.9f} {-py:.9f} {-pz:.9f} {e} 0 0 9", "</event>",
        ]  # fmt: skip
    return "\n".join([*lines, "</LesHouchesEvents>", ""])


def write_les_houches(path: Path, text: str) -> Path:
    """Write it, compressed if the name says so; returns the path."""
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path
