"""A sample of a few shards through the rooms, one of them empty, one with an empty event.

The shards of `top` are FULL and SECOND, with events; EMPTY, of which the filter leaves none;
HOLLOW, which is SECOND without the particles of its event 1; and VOID, without any particle.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np

from helpers.calibrations import write_calibrations
from helpers.detected import GEOMETRY
from jetchain.core.io.events import read_events, write_events
from jetchain.core.io.tensors import write_weights
from jetchain.core.schema.generate import GENERATED
from jetchain.detector.hits import hits
from jetchain.detector.settings import SimulationSettings
from jetchain.detector.simulate import simulate
from jetchain.generate.sample import sample
from jetchain.generate.settings import FilterSettings, GenerationSettings
from jetchain.graphs import build
from jetchain.graphs.settings import EventGraphSettings, JetGraphSettings
from jetchain.jets.cluster import cluster
from jetchain.jets.settings import ClusterJobSettings
from jetchain.particleflow.algorithms.mlpf import Mlpf, MlpfModelSettings
from jetchain.particleflow.algorithms.parametric import ParametricSettings
from jetchain.particleflow.network_settings import ReconstructJobSettings, UntrainedJobSettings
from jetchain.particleflow.reconstruct import reconstruct
from jetchain.particleflow.untrained import untrained
from jetchain.tagging.class_settings import CLASSES
from jetchain.tagging.features import features
from jetchain.tagging.settings import SelectionJobSettings

FULL, SECOND, EMPTY, HOLLOW, VOID = (f"{number:04d}" for number in range(5))
NETWORK = MlpfModelSettings(hidden=4, layers=1)
# Without noise: an event without particles has nothing at all.
SIMULATION = SimulationSettings(noise=False)
SEED = 11


class Chain:
    """The files of a sample in a folder, a folder a room.

    Args:
        folder: where they go.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.calibrations = list(write_calibrations(folder).values())
        self.weights = folder / "weights.safetensors"
        write_weights(self.weights, Mlpf(NETWORK))

    def path(self, room: str, shard: str, kind: str = "root") -> Path:
        """A shard's file of a room."""
        return self.folder / room / "top" / f"{shard}.{kind}"

    def paths(self, room: str, shards: list[str], kind: str = "root") -> list[Path]:
        """The files of some shards."""
        return [self.path(room, shard, kind) for shard in shards]

    def generate(self, shard: str, events: int, jet_pt_min: float = 0.0) -> None:
        """Top quarks without multiple interactions, to be quick."""
        sample(
            events=self.path("generate", shard), summary=self.path("generate", shard, "json"),
            settings=GenerationSettings(
                process="top", events=events,
                overrides=[  # the search takes events of one weight only; all have boosted jets
                    "PartonLevel:MPI = off", "PhaseSpace:bias2Selection = off",
                    "PhaseSpace:pTHatMin = 480.",
                ],
                filter=FilterSettings(jet_pt_min=jet_pt_min),
            ),
            shard=shard, seed=SEED,
        )  # fmt: skip

    def without_particles(self, shard: str, source: str, *emptied: int) -> None:
        """A shard as another, but for the particles of the events at some places."""
        data: dict[str, Any] = read_events(self.path("generate", source), GENERATED)
        kept = ~np.isin(np.arange(len(data["event"])), emptied)
        for name in GENERATED.collections:
            data[name] = data[name][ak.broadcast_arrays(kept, data[name]["px"])[0]]
        write_events(self.path("generate", shard), GENERATED, data)

    def follow(self, shard: str) -> None:
        """Take a generated shard through the detector up to the tagger's inputs."""
        path = self.path
        simulated: dict[str, Any] = {
            "events": path("generate", shard), "pileup": [], "geometry": GEOMETRY,
            "settings": SIMULATION, "seed": SEED,
        }  # fmt: skip
        detected = path("detector", shard)
        simulate(**simulated, output=detected, account=path("detector", shard, "json"))
        hits(**simulated, detected=detected, output=path("hits", shard))
        untrained(
            detected=detected, calibrations=self.calibrations, geometry=GEOMETRY,
            particles=path("particleflow", shard), algorithm="parametric",
            settings=UntrainedJobSettings(algorithm=ParametricSettings().model_dump()),
        )  # fmt: skip
        build.events(
            detected=detected, graphs=path("event_graphs", shard, "safetensors"),
            cutflow=path("event_graphs", shard, "json"), settings=EventGraphSettings(),
        )  # fmt: skip
        reconstruct(
            graphs=path("event_graphs", shard, "safetensors"), weights=self.weights,
            particles=path("mlpf", shard), algorithm="mlpf",
            settings=ReconstructJobSettings(model=NETWORK.model_dump()),
        )  # fmt: skip
        cluster(
            truth=path("generate", shard), particles=path("particleflow", shard),
            calibration=[], jets=path("jets", shard), settings=ClusterJobSettings(radii=[0.8, 1.0]),
        )  # fmt: skip
        build.jets(
            jets=path("jets", shard), particles=path("particleflow", shard),
            graphs=path("jet_graphs", shard, "safetensors"),
            cutflow=path("jet_graphs", shard, "json"), settings=JetGraphSettings(pt_min=200.0),
        )  # fmt: skip
        features(
            graphs=path("jet_graphs", shard, "safetensors"),
            jets=path("tagging", shard, "safetensors"), cutflow=path("tagging", shard, "json"),
            settings=SelectionJobSettings(pt_min=200.0, classes=CLASSES), sample="top",
        )  # fmt: skip


def make_chain(folder: Path) -> Chain:
    """All shards, through all rooms."""
    chain = Chain(folder)
    chain.generate(FULL, 10)
    chain.generate(SECOND, 8)
    chain.generate(EMPTY, 5, jet_pt_min=6000.0)
    chain.without_particles(HOLLOW, SECOND, 1)
    chain.without_particles(VOID, SECOND, *range(8))
    for shard in (FULL, SECOND, EMPTY, HOLLOW, VOID):
        chain.follow(shard)
    return chain
