"""Find the map of hadronic showers with which cocoa.yaml answers as Geant4 does in COCOA.

    python resources/geometry/derive_response.py            # from the table in cocoa.yaml on
    python resources/geometry/derive_response.py --afresh   # from the showers as they are drawn

Run it after a change of the showers, the geometry, the noise or the clustering (about ten minutes
on a core), then look at results/particleflow/response_comparison.json of a run. It throws single
pions with the package's own verbs, makes the table of E/p that particle flow would make of them
(`particleflow.calibrate`), and moves offset and slope of `hadronic_response` until mean and spread
in every bin of pT, |eta| and layer are those of resources/published/cocoa_response.json:

- spread: slope *= 1 + PACE (wanted / found - 1)
- mean: offset += PACE (wanted - found), and what the new slope moved it by.

A node stands in the middle of its bin. Bins with few pions move little, and take the map of the
nearest bin where there are none. Where COCOA's table has no bins of its own:

- Equal neighbours in pT were filled from each other: the step is that of the bins at |eta| < 0.5.
- Above 60 GeV what Geant4 leaves unseen falls as a hadron's non-electromagnetic share does,
  (E / E0)^(k - 1) with k = 0.82 (Groom, NIM A 572 (2007) 633), towards ELECTROMAGNETIC; the spread
  falls as a stochastic term beside CONSTANT, where ATLAS's and CMS's hadron calorimeters end too.
- Beyond the last layer of the table, HCAL1, its map holds; beyond |eta| = 2.5, where there are no
  tracks, that of the last bin, moved by the difference in COCOA's table.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from jetchain.core.io.tables import read_result
from jetchain.core.resources import RESOURCES
from jetchain.core.schema.particleflow import PublishedResponse, ResponseTable
from jetchain.detector.settings import SimulationSettings
from jetchain.detector.simulate import simulate
from jetchain.generate.sample import sample
from jetchain.generate.settings import GenerationSettings, GunSettings
from jetchain.particleflow.calibrate import calibrate
from jetchain.particleflow.calibration_settings import CalibrationSettings

SEED = 20261128
GEOMETRY = RESOURCES / "geometry" / "cocoa.yaml"
PUBLISHED = RESOURCES / "published" / "cocoa_response.json"
LOST = 0.065
"""Share of pions of which nearly all is lost. COCOA's table has none; its own check of pions of
20 GeV (mean .50, spread .23) is wider than the table by them."""
EDGES = [0.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 500.0]
"""Of the bins in pT (GeV); the first six are COCOA's."""
GUNS = [(1.0, 60.0, 10), (60.0, 120.0, 2), (200.0, 450.0, 1), (700.0, 1400.0, 1)]
"""Range in pT (GeV) and share of the pions of each gun."""
NODES = [1.41, 3.16, 7.07, 12.2, 21.2, 42.4, 85.0, 300.0, 1000.0]
ETA = [0.25, 0.75, 1.25, 1.75, 2.25, 2.75]
LAYERS = 4
ELECTROMAGNETIC, CONSTANT, POWER = 0.93, 0.075, -0.18
PACE, LEAST, SLOW = 0.7, 40, 20
SLOPES = (0.05, 3.0)


def wanted(published: PublishedResponse) -> tuple[np.ndarray, np.ndarray]:
    """Mean and spread of E/p that the map is to give, (layers, eta, pt) each."""
    own = len(set(published.pt))
    mean, relative = np.zeros((2, LAYERS, len(ETA), len(NODES)))
    columns = (published.layer, published.eta, published.pt, published.mean, published.spread)
    for layer, eta, pt, value, spread in zip(*columns, strict=True):
        at = layer, int(eta / 0.5), EDGES.index(pt)
        mean[at], relative[at] = value, spread / value
    for layer in range(LAYERS):
        for j in range(1, len(ETA)):
            for i in range(1, own):
                if mean[layer, j, i] == mean[layer, j, i - 1]:
                    for values in (mean, relative):
                        step = values[layer, 0, i] / values[layer, 0, i - 1]
                        values[layer, j, i] = values[layer, j, i - 1] * step
    last = own - 1
    for i in range(own, len(NODES)):
        more = NODES[i] / NODES[last]
        unseen = (ELECTROMAGNETIC - mean[..., last]) * more**POWER
        mean[..., i] = ELECTROMAGNETIC - unseen
        stochastic = np.maximum(relative[..., last] ** 2 - CONSTANT**2, 0.0) / more
        relative[..., i] = np.sqrt(CONSTANT**2 + stochastic)
    return mean, relative * mean


def throw(folder: Path, pions: int) -> list[Path]:
    """Generate the guns' events, five pions each."""
    paths = []
    for number, (low, high, share) in enumerate(GUNS):
        gun = GunSettings(variable="pt", minimum=low, maximum=high, eta_max=2.6, particles=5)
        events = pions * share // (5 * sum(share for *_, share in GUNS))
        settings = GenerationSettings(process="gun", events=events, gun=gun)
        paths.append(folder / f"gun{number}.root")
        sample(
            events=paths[-1], summary=folder / "summary.json", settings=settings,
            shard=str(number), seed=SEED + number,
        )  # fmt: skip
    return paths


def measure(events: list[Path], geometry: Path, folder: Path, seed: int) -> ResponseTable:
    """The table of E/p, from exact momenta: those of tracks blur it above 100 GeV."""
    detected = []
    for number, path in enumerate(events):
        detected.append(folder / f"detected{number}.root")
        simulate(
            events=path, pileup=[], geometry=geometry, output=detected[-1],
            account=folder / "account.json", settings=SimulationSettings(smear_tracks=False),
            seed=seed + number,
        )  # fmt: skip
    found = folder / "calibration.json"
    settings = CalibrationSettings(pt_edges=EDGES, minimum_entries=2)
    calibrate(detected=detected, geometry=geometry, calibration=found, settings=settings)
    return read_result(found, ResponseTable)


def moved(
    offset: np.ndarray, slope: np.ndarray, table: ResponseTable, target: tuple[Any, Any]
) -> tuple[np.ndarray, np.ndarray]:
    """Offset and slope after a step towards the wanted mean and spread, (layers, eta, pt) each."""
    entries, mean, sigma = (
        np.moveaxis(np.array(values), -1, 0)[:LAYERS].swapaxes(1, 2)
        for values in (table.entries, table.mean, table.sigma)
    )
    own = (entries >= LEAST) & (sigma > 0)
    pace = np.where(own, PACE * entries / (entries + SLOW), 0.0)
    drawn = np.clip((mean - offset) / slope, 0.2, 1.0)
    new = np.clip(slope * (1 + pace * (target[1] / np.where(own, sigma, 1.0) - 1)), *SLOPES)
    offset = offset + pace * (target[0] - mean) + drawn * (slope - new)
    for layer in range(LAYERS):
        where = np.argwhere(own[layer])
        for j, i in np.argwhere(~own[layer]):
            near = layer, *where[np.argmin(np.abs(where - [j, i]) @ [1.0, 1.5])]
            new[layer, j, i] = new[near]
            offset[layer, j, i] = offset[near] + target[0][layer, j, i] - target[0][near]
    return offset, new


def write(path: Path, offset: np.ndarray, slope: np.ndarray) -> None:
    """Write the map behind the rest of the geometry, in place of an old one."""
    text = GEOMETRY.read_text(encoding="utf-8").split("# Map of hadronic showers")[0]
    lines = [
        "# Map of hadronic showers to Geant4's response in COCOA: written by derive_response.py.",
        "hadronic_response:",
        f'  source: "resources/geometry/derive_response.py, seed {SEED}, 2026-11-28, from '
        'resources/published/cocoa_response.json"',
        f"  lost: {LOST}",
        f"  pt: {NODES}",
        f"  eta: {ETA}",
    ]
    for name, values in (("offset", offset), ("slope", slope)):
        lines.append(f"  {name}:")
        for layer in np.round(values, 4).tolist():
            lines += [
                f"  {'-' if j == 0 else ' '} - {json.dumps(row)}" for j, row in enumerate(layer)
            ]
    path.write_text(text + "\n".join(lines) + "\n", encoding="utf-8")


def main() -> None:
    """Move the map, round by round; print how many bins agree; write cocoa.yaml."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pions", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--afresh", action="store_true")
    chosen = parser.parse_args()
    target = wanted(read_result(PUBLISHED, PublishedResponse))
    found = yaml.safe_load(GEOMETRY.read_text(encoding="utf-8")).get("hadronic_response")
    offset, slope = np.zeros_like(target[0]), np.ones_like(target[0])
    if found and not chosen.afresh:
        offset, slope = np.array(found["offset"]), np.array(found["slope"])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        events, geometry = throw(folder, chosen.pions), folder / "cocoa.yaml"
        for k in range(chosen.rounds):
            write(geometry, offset, slope)
            table = measure(events, geometry, folder, SEED + 100 * k)
            mean, sigma, entries = (
                np.moveaxis(np.array(values), -1, 0)[:LAYERS].swapaxes(1, 2)
                for values in (table.mean, table.sigma, table.entries)
            )
            enough = entries >= 200
            good = np.abs(mean / target[0] - 1) < 0.05, np.abs(sigma / target[1] - 1) < 0.15
            print(f"round {k}: {enough.sum()} bins, within 5 % {(good[0] & enough).sum()} in the"
                  f" mean, within 15 % {(good[1] & enough).sum()} in the spread")  # fmt: skip
            offset, slope = moved(offset, slope, table, target)
    write(GEOMETRY, offset, slope)


if __name__ == "__main__":
    main()
