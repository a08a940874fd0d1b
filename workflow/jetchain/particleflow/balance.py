"""The balance of photons and neutral hadrons among what a network finds.

Each neutral candidate gets its more probable class. Of each that is most often right, and of their
sum wrong: where photons are the more frequent, what cannot be told apart is all called photons, and
they get more of the jets' energy than they have. Balanced, a candidate is a photon if its log odds
and an offset are positive; with the offset of the training events photons have the share of the
found neutral pT that true photons have of the true one. The momenta stay what they are.

The idea is that of prior correction: M. Saerens, P. Latinne, C. Decaestecker, Neural Computation 14
(2002) 21; that it balances pT, not numbers, is ours.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from jetchain.core.io.mapped import Mapped
from jetchain.particleflow.batch import Batches
from jetchain.particleflow.network import NEUTRAL_HADRON, PHOTON, Candidates, Network

EVENTS = 1024  # at most, of which the offset is found
ETA = 2.0  # largest |eta|: beyond the tracks end, and charged particles look neutral
AT_ONCE = 32

Floats = NDArray[np.float64]


@torch.no_grad()
def balance(model: Network, events: Mapped, rows: NDArray[np.int64]) -> None:
    """Set a trained network's `photon_offset`.

    Args:
        model: changed in place, and left in evaluation mode.
        events: EVENT_GRAPHS.
        rows: numbers of events, of which the first `EVENTS` are taken.
    """
    model.eval()
    rows = rows[:EVENTS]
    found = Candidates.joined([model.candidates(b) for b in Batches(events, rows, AT_ONCE)])
    neutral = np.isin(found.label, [PHOTON, NEUTRAL_HADRON]) & (np.abs(found.eta) < ETA)
    truth = events.rows(rows, ["particle_offset", "particle", "particle_label"])
    pt, eta = truth["particle"][:, :2].astype(np.float64).T
    photons, hadrons = (
        pt[(truth["particle_label"] == kind) & (np.abs(eta) < ETA)].sum()
        for kind in (PHOTON, NEUTRAL_HADRON)
    )
    if photons + hadrons > 0:
        share = photons / (photons + hadrons)
        model.photon_offset.fill_(offset_of(found.photon_odds[neutral], found.pt[neutral], share))


def offset_of(odds: Floats, pt: Floats, share: float) -> float:
    """The offset with which the candidates of positive odds have a share of all pT, as near as can
    be; 0 of no candidate.

    Args:
        odds: log odds, (candidates,).
        pt: GeV, (candidates,).
        share: of the pT that is wanted.
    """
    if not len(odds):
        return 0.0
    order = np.argsort(-odds, kind="stable")
    falling, held = odds[order], np.concatenate([[0.0], np.cumsum(pt[order])])
    number = int(np.abs(held - share * held[-1]).argmin())
    edges = np.concatenate([[falling[0] + 1.0], falling, [falling[-1] - 1.0]])
    return float(-(edges[number] + edges[number + 1]) / 2)
