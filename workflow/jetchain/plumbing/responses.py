"""Where responses of jets are measured: far enough above the smallest reconstructed pT."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from jetchain.jets.settings import LEAST_RESPONSE

if TYPE_CHECKING:
    from jetchain.plumbing.configuration import Configuration


def responses_are_whole(config: Configuration) -> Iterator[str]:
    """Bins of true pT in which all jets are there, not those alone that were measured too high."""
    jets = config.jets
    calibration, smallest = jets.calibration, jets.calibration.pt_min
    pairs = [
        ("clustering", jets.clustering.pt_min, "summary.response_pt_edges",
         jets.summary.response_pt_edges[0]),
    ]  # fmt: skip
    if calibration.enabled:
        pairs += [
            ("calibration", smallest, "calibration.pt_edges", calibration.pt_edges[0]),
            ("calibration", smallest, "calibration.mass_pt_edges", calibration.mass_pt_edges[0]),
            ("calibration", smallest, "closure.pt_edges", jets.closure.pt_edges[0]),
        ]
    for section, least, edges, first in pairs:
        if least > LEAST_RESPONSE * first:
            yield (
                f"jets.{section}.pt_min: {least:g} GeV must not be above {LEAST_RESPONSE:g} times "
                f"jets.{edges}[0], which is {first:g} GeV: of true jets near that edge only those "
                "that are measured too high would be there, and the response come out too high."
            )
