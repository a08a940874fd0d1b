"""The generator-level filter: a truth jet above a threshold."""

from __future__ import annotations

import awkward as ak
import fastjet
import numpy as np
from numpy.typing import NDArray

from jetchain.core.schema.generate import UNSEEN
from jetchain.generate.processes import captured_output
from jetchain.generate.record import Truth
from jetchain.generate.settings import FilterSettings


def passes(truth: Truth, settings: FilterSettings) -> NDArray[np.bool_]:
    """Which events hold an anti-kT jet of visible final-state particles above the threshold.

    Args:
        truth: the events' truth.
        settings: radius, least pT and largest abs(eta) of the jet.

    Returns:
        (events,) whether each event is kept.
    """
    particles, counts = truth.columns["particle"], truth.counts["particle"]
    visible = particles["seen_as"] != UNSEEN
    events = np.repeat(np.arange(len(counts)), counts)[visible]
    momenta = ak.zip(
        {
            target: particles[source][visible].astype(np.float64)
            for target, source in (("px", "px"), ("py", "py"), ("pz", "pz"), ("E", "e"))
        },
        with_name="Momentum4D",
    )
    momenta = ak.unflatten(momenta, np.bincount(events, minlength=len(counts)))
    definition = fastjet.JetDefinition(fastjet.antikt_algorithm, settings.jet_radius)
    with captured_output():  # FastJet's banner, once a process
        sequence = fastjet.ClusterSequence(momenta, definition)
    jets = sequence.inclusive_jets(min_pt=settings.jet_pt_min)
    pt = np.hypot(jets.px, jets.py)
    inside = np.abs(np.arcsinh(jets.pz / pt)) < settings.jet_eta_max
    return ak.to_numpy(ak.any(inside, axis=1)).astype(bool)
