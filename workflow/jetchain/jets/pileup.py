"""Pile-up taken off reconstructed jets: by their area, or from the particles before clustering."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from jetchain.core.kinematics import pt_eta_phi, rapidity
from jetchain.jets.containers import Jets, Particles, offsets

CELL = 0.4  # of SoftKiller's grid (arXiv 1407.0408, section 3)
PATCH = 0.55  # of the grid that the density is the median of (FastJet's default, 1111.6097)
GHOST = 0.01  # area of a ghost


def soft_killer(particles: Particles, rapidity_max: float) -> Particles:
    """Particles above the cut that leaves half of a grid's cells empty (arXiv 1407.0408).

    Args:
        particles: of all events.
        rapidity_max: that the grid reaches to.
    """
    events = len(particles.offset) - 1
    pt, _, phi = pt_eta_phi(*particles.momentum[:, :3].T)
    y = np.full(len(pt), np.inf)
    y[pt > 0] = rapidity(*particles.momentum[pt > 0].T)
    rows, columns = max(round(2 * rapidity_max / CELL), 1), round(np.pi / (CELL / 2))
    row = np.floor((y + rapidity_max) * rows / (2 * rapidity_max))
    column = np.floor((phi + np.pi) * columns / (2 * np.pi)) % columns
    inside = (row >= 0) & (row < rows)
    event = np.repeat(np.arange(events), np.diff(particles.offset))
    hardest = np.zeros((events, rows, columns))
    place = (event[inside], row[inside].astype(int), column[inside].astype(int))
    np.maximum.at(hardest, place, pt[inside])
    cut = np.median(hardest.reshape(events, rows * columns), axis=1)
    keep = pt > cut[event]
    return Particles(
        particles.momentum[keep],
        offsets(np.bincount(event[keep], minlength=events)),
        particles.index[keep],
    )


def without_density(jets: Jets, particles: Particles, radius: float, rapidity_max: float) -> Jets:
    """The jets less the median density times their area, a four-vector (arXiv 0707.1378).

    The density is the median of the patches of a grid; ghosts lie on a grid as well, so that
    nothing is random. A jet that would have no pT left keeps none, one that would have less energy
    than momentum no mass.

    Args:
        jets: as clustered.
        particles: what they were clustered from.
        radius: R.
        rapidity_max: that the density is measured to.
    """
    import fastjet

    definition = fastjet.JetDefinition(fastjet.antikt_algorithm, radius)
    ghosts = fastjet.GhostedAreaSpec(rapidity_max + 2 * radius, 1, GHOST, 0.0, 0.0)
    area = fastjet.AreaDefinition(fastjet.active_area, ghosts)
    density = fastjet.GridMedianBackgroundEstimator(rapidity_max, PATCH)
    momentum = jets.momentum.copy()
    leading = jets.constituents[jets.constituent_offset[:-1]]
    for event in range(len(jets.offset) - 1):
        mine = range(jets.offset[event], jets.offset[event + 1])
        if not mine:
            continue
        rows = range(particles.offset[event], particles.offset[event + 1])
        inputs = [fastjet.PseudoJet(*map(float, particles.momentum[row])) for row in rows]
        for row, each in zip(rows, inputs, strict=True):
            each.set_user_index(row)
        density.set_particles(inputs)
        sequence = fastjet.ClusterSequenceArea(inputs, definition, area)
        owner = {
            row.user_index(): found
            for found in sequence.inclusive_jets(1e-3)
            for row in found.constituents()
            if row.user_index() >= 0
        }
        for jet in mine:
            four = owner[int(leading[jet])].area_4vector()
            taken = density.rho() * np.array([four.px(), four.py(), four.pz(), four.e()])
            left = momentum[jet] - taken
            left[3] = max(left[3], np.linalg.norm(left[:3]))
            away = momentum[jet, :2] @ left[:2] <= 0
            momentum[jet] = 1e-9 * momentum[jet] if away else left
    return replace(jets, momentum=momentum)
