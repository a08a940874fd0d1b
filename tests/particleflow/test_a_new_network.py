"""A new network of particle flow is one file and one line: nothing else names the algorithms."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.graph_files import write_graphs
from helpers.planner import HOUSE, PARTS

FILE = '''
"""A network without messages: each node by itself."""

from torch import nn

from jetchain.core.settings import Settings, key
from jetchain.particleflow.network import FEATURES
from jetchain.particleflow.network_settings import NetworkTrainingSettings
from jetchain.particleflow.node_network import NodeNetwork, beside_own, possible
from jetchain.particleflow.targets import CLASSES, REGRESSION


class AloneModelSettings(Settings):
    """Size."""

    hidden: int = key(8, "Width.", ge=1)


class AloneSettings(Settings):
    """Each node by itself."""

    model: AloneModelSettings = key(AloneModelSettings(), "Size.")
    training: NetworkTrainingSettings = key(NetworkTrainingSettings(), "Its training.")


class Alone(NodeNetwork):
    """Two layers a node."""

    def __init__(self, settings):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(FEATURES, settings.hidden), nn.ReLU(),
            nn.Linear(settings.hidden, len(CLASSES) + len(REGRESSION)),
        )

    def forward(self, batch):
        answer = self.layers(self.scaled(batch.x))
        logits, regression = answer.split([len(CLASSES), len(REGRESSION)], dim=1)
        return possible(logits, batch.x), beside_own(regression, batch.x)
'''
LINE = (
    '        "alone": Algorithm("Alone", "", "alone.Alone", "alone.AloneSettings", trained=True),\n'
)

USE = """
import sys
from pathlib import Path

from jetchain.particleflow.network_settings import ReconstructJobSettings, TrainJobSettings
from jetchain.particleflow.reconstruct import reconstruct
from jetchain.particleflow.train import train
from jetchain.plumbing.configuration import load

training = {"held_out": 1, "fit": {"epochs": 1, "batch_size": 2}}
section = load({"particleflow": {"alone": {"model": {"hidden": 5}, "training": training},
                                 "evaluation": {"samples": ["W"]}, "influence": {"events": 1}},
                "jets": {"algorithm": "alone"}}).particleflow.alone
graphs, folder = Path(sys.argv[1]), Path(sys.argv[1]).parent
train(graphs=[graphs], initial=[], weights=folder / "w", history=folder / "h", targets=folder / "t",
      settings=TrainJobSettings(**section.model_dump()), seed=1, algorithm="alone")
reconstruct(graphs=graphs, weights=folder / "w", particles=folder / "p.root", algorithm="alone",
            settings=ReconstructJobSettings(model=section.model.model_dump()))
"""


@pytest.fixture
def house(tmp_path):
    """A copy of the house with a new network in it."""
    copy = tmp_path / "house"
    copy.mkdir()
    for part in PARTS:
        whole = HOUSE / part
        if whole.is_dir():
            shutil.copytree(whole, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(whole, copy / part)
    folder = copy / "workflow" / "jetchain" / "particleflow" / "algorithms"
    (folder / "alone.py").write_text(FILE)
    table = folder / "__init__.py"
    before, mlpf, after = table.read_text().partition('        "mlpf": ')
    table.write_text(before + LINE + mlpf + after)
    return copy


def run(house: Path, *command: str) -> str:
    """What a command in the copy prints."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = os.environ | {"PYTHONPATH": str(house / "workflow"), "PATH": path}
    done = subprocess.run(command, cwd=house, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_is_configured_trained_and_reconstructs(house, tmp_path):
    write_graphs(tmp_path / "graphs.safetensors", 6)
    run(house, sys.executable, "-c", USE, str(tmp_path / "graphs.safetensors"))
    assert (tmp_path / "p.root").stat().st_size > 1000


def test_its_files_and_figures_are_planned(house):
    overlay = house / "overlay.yaml"
    overlay.write_text(
        "particleflow: {algorithms: [parametric, mlpf, alone], alone: {training: {held_out: 10}}}"
    )
    plan = run(
        house, "snakemake", "--dry-run", "--printshellcmds", "--nolock", "--configfile",
        "config/test.yaml", str(overlay), "--", "results/jets/alone/top/0000.root",
        "results/reporting/particleflow/pflow_efficiency.png",
        "results/reporting/displays/alone_influence.png",
    )  # fmt: skip
    for output in (
        "results/particleflow/alone/weights.safetensors",
        "results/particleflow/alone/top/0000.root",
        "results/particleflow/performance/alone.json",
        "results/particleflow/alone/influence.json",
    ):
        assert output in plan, output
    drawn = next(line for line in plan.splitlines() if "reporting.particleflow.efficiency" in line)
    assert "performance/mlpf.json results/particleflow/performance/alone.json" in drawn
    assert '"alone": "Alone"' in drawn
