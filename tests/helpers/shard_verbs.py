"""Calls of all verbs that read several shards of a sample, on files of `helpers.shards`."""

from __future__ import annotations

from helpers.detected import GEOMETRY
from helpers.shards import NETWORK
from jetchain.anomaly.features import features as dijets
from jetchain.anomaly.resonance import resonance
from jetchain.anomaly.settings import FeatureSettings as DijetSettings
from jetchain.anomaly.settings import ResonanceJob
from jetchain.detector import display, summarise
from jetchain.detector.settings import EstimatorSettings, JetsJobSettings
from jetchain.detector.validation.jets import jets as validate_jets
from jetchain.detector.validation.met import met
from jetchain.generate import summarise as generated
from jetchain.graphs.display import display as display_graphs
from jetchain.jets.display import display as display_jets
from jetchain.jets.images import images
from jetchain.jets.settings import (
    ImageSettings,
    SelectionJobSettings,
    SummarySettings,
)
from jetchain.jets.summarise import summarise as summarise_jets
from jetchain.particleflow.calibrate import calibrate
from jetchain.particleflow.calibrate_photons import calibrate_photons
from jetchain.particleflow.calibration_settings import CalibrationSettings
from jetchain.particleflow.evaluate import evaluate
from jetchain.particleflow.influence import influence
from jetchain.particleflow.network_settings import (
    InfluenceJobSettings,
    InfluenceSettings,
    TrainJobSettings,
)
from jetchain.particleflow.settings import EvaluationSettings
from jetchain.particleflow.train import train

ROOMS = ("generate", "detector", "particleflow", "jets")

ONE_BIN = CalibrationSettings(pt_edges=[0.0], eta_edges=[0.0], minimum_entries=3)
FEW = EstimatorSettings(minimum_entries=5, replicas=10)
FEW_JETS = JetsJobSettings(estimators=FEW, particle_pt_min=0.3, particle_eta_max=3.0)
TRAINING = TrainJobSettings.model_validate(
    {
        "model": NETWORK.model_dump(),
        "training": {"samples": ["top"], "held_out": 2, "fit": {"epochs": 1, "batch_size": 4}},
    }
)


def verbs(chain, shards, out):
    """Calls of all verbs that read several shards of a sample, on some; by name.

    Each writes into the folder `out`.
    """
    files = {room: chain.paths(room, shards) for room in ROOMS}
    graphs, jet_graphs = (
        chain.paths(room, shards, "safetensors") for room in ("event_graphs", "jet_graphs")
    )
    both = {"events": files["detector"], "truth": files["generate"]}

    def generate():
        generated.summarise(
            events=files["generate"], summaries=chain.paths("generate", shards, "json"),
            spectra=out / "spectra.json", summary=out.parent / "summary.json", sample="top",
        )  # fmt: skip

    def show_detector():
        display_jets(
            jets=files["jets"], truth=files["generate"], event=out / "jets.json",
            settings=SelectionJobSettings(radius=1.0),
        )  # fmt: skip
        display.display(
            events=files["detector"], chosen=out / "jets.json", geometry=GEOMETRY,
            event=out / "event.json",
        )  # fmt: skip

    return {
        "generate.summarise": generate,
        "detector.summarise": lambda: summarise.summarise(
            events=files["detector"], accounts=chain.paths("detector", shards, "json"),
            histograms=out / "histograms.json", summary=out / "summary.json",
        ),
        "detector.validation.jets": lambda: validate_jets(
            **both, output=out / "jets.json", settings=FEW_JETS, seed=1
        ),
        "detector.validation.met": lambda: met(
            **both, geometry=GEOMETRY, output=out / "met.json", settings=FEW, seed=1
        ),
        "displays": show_detector,
        "particleflow.calibrate": lambda: calibrate(
            detected=files["detector"], geometry=GEOMETRY, calibration=out / "calibration.json",
            settings=ONE_BIN,
        ),
        "particleflow.calibrate_photons": lambda: calibrate_photons(
            detected=files["detector"], calibration=out / "photons.json",
            settings=ONE_BIN,
        ),
        "particleflow.evaluate": lambda: evaluate(
            particles=files["particleflow"], detected=files["detector"],
            performance=out / "performance.json", histograms=out / "histograms.json",
            settings=EvaluationSettings(),
        ),
        "particleflow.train": lambda: train(
            graphs=graphs, initial=[], weights=out / "weights.safetensors",
            history=out / "history.csv", targets=out / "targets.json", settings=TRAINING, seed=1,
            algorithm="mlpf",
        ),
        "jets.summarise": lambda: summarise_jets(
            jets=files["jets"], histograms=out / "histograms.json", summary=out / "summary.json",
            settings=SummarySettings(pt_min=200.0),
        ),
        "graphs.display": lambda: display_graphs(
            events=graphs, jets=jet_graphs, table=out / "table.json"
        ),
        "anomaly.features": lambda: dijets(
            background=files["jets"], signal=files["jets"], data=out / "data.safetensors",
            truth=out / "truth.safetensors", signal_test=out / "test.safetensors",
            cutflow=out / "cutflow.json", histograms=out / "histograms.json",
            settings=DijetSettings(trigger_pt=100.0, signal_events=1), seed=1,
        ),
        "anomaly.resonance": lambda: resonance(
            signal=files["jets"], closure=[], histograms=out / "histograms.json",
            summary=out / "resonance.json",
            settings=ResonanceJob(signal_region=[0.3, 1.0], radius=1.0, trigger_pt=100.0), seed=1,
        ),
        # Without events these have nothing to say, and say so; another verb of the sample fails.
        "jets.images": lambda: images(
            jets=files["jets"], particles=files["particleflow"], histograms=out / "images.json",
            summary=out / "summary.json", settings=ImageSettings(pt_min=200.0),
        ),
        "particleflow.influence": lambda: influence(
            graphs=graphs, weights=chain.weights, influence=out / "influence.json",
            algorithm="mlpf",
            settings=InfluenceJobSettings(
                influence=InfluenceSettings(events=2), model=NETWORK.model_dump()
            ),
        ),
    }  # fmt: skip
