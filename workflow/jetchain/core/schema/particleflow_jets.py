"""Results of the particle-flow room: what the algorithms make of jets, and how fast they are."""

from __future__ import annotations

from jetchain.core.schema.base import Result
from jetchain.core.schema.particleflow import Composition, Spread


class JetBin(Result):
    """Jets of an algorithm in a bin of the true pT; see `particleflow.evaluate_jets`.

    Attributes:
        jets, matched: true ones, and those with a reconstructed one.
        pt, mass: over the true one.
        calibrated: pt after the calibration.
    """

    jets: int
    matched: int
    pt: Spread
    calibrated: Spread
    mass: Spread


class MissingMomentum(Result):
    """Missing transverse momentum against the true one, a component, GeV."""

    resolution: float
    error: float
    mean: float


class SampleJets(Result):
    """Jets and events of a sample.

    Attributes:
        events: how many.
        pflow, topo: by bin of the true pT: of the algorithm, and of clusters alone.
        content: of the jets' energy.
        pflow_missing, topo_missing: likewise.
        particles: mean number an event by class, of truth and pflow.
    """

    events: int
    pflow: list[JetBin]
    topo: list[JetBin]
    content: Composition
    pflow_missing: MissingMomentum
    topo_missing: MissingMomentum
    particles: dict[str, list[float]]


class JetPerformance(Result):
    """What an algorithm makes of jets, ``performance/<algorithm>_jets.json``, by sample.

    Attributes:
        radius: of the jets.
        pt_edges: of the bins, GeV.
        samples: by name.
    """

    radius: float
    pt_edges: list[float]
    samples: dict[str, SampleJets]


class BenchedNetwork(Result):
    """CPU time of a network against the size of an event, one thread.

    Attributes:
        elements: tracks and clusters of an event, mean.
        milliseconds: an event of so many.
        exponent: of the fitted power law, milliseconds ~ elements^exponent.
        events_per_second: of 500 elements, by this law.
    """

    elements: list[float]
    milliseconds: list[float]
    exponent: float
    events_per_second: float


class ParticleflowBench(Result):
    """How fast the networks find particles, ``results/bench/particleflow.json``, by algorithm."""

    networks: dict[str, BenchedNetwork]
