"""Files of a particle gun, thrown and simulated afresh.

detected, generated = gun_files(folder, events=300, pdgids=[13], variable="energy", minimum=5.0)
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jetchain.detector.settings import SimulationSettings
from jetchain.detector.simulate import simulate
from jetchain.generate.sample import sample
from jetchain.generate.settings import GenerationSettings, GunSettings

GEOMETRY = Path(__file__).parents[2] / "resources" / "geometry" / "cocoa.yaml"


def gun_files(
    folder: Path,
    events: int,
    *,
    seed: int = 7,
    simulation: dict[str, Any] | None = None,
    **gun: Any,
) -> tuple[Path, Path]:
    """Throw one particle an event and simulate the detector.

    Args:
        folder: where the files go.
        events: how many.
        seed: of both.
        simulation: settings of the detector that differ.
        gun: settings of the gun.

    Returns:
        the files of the tables DETECTED and GENERATED.
    """
    generated, detected = folder / "generated.root", folder / "detected.root"
    sample(
        events=generated,
        summary=folder / "generated.json",
        settings=GenerationSettings(process="gun", events=events, gun=GunSettings(**gun)),
        shard="0000",
        seed=seed,
    )
    simulate(
        events=generated,
        pileup=[],
        geometry=GEOMETRY,
        output=detected,
        account=folder / "detected.json",
        settings=SimulationSettings(**(simulation or {})),
        seed=seed,
    )
    return detected, generated
