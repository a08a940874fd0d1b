"""Figures of the sampling: drawn from made-up numbers, of all classes or of some."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from jetchain.core.histograms import save_histograms
from jetchain.core.io.tables import read_json, write_result
from jetchain.core.schema.generate import VARIATIONS
from jetchain.core.schema.jets import JET_CLASSES, JetSampling
from jetchain.core.schema.tagging import Kinematics, KinematicsPair
from jetchain.jets.sampling import plane, sampled, softest, varied
from jetchain.jets.settings import SummarySettings
from jetchain.reporting.sampling import kinematics, pthat, variations


def test_pthat_of_some_classes_and_of_none(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    hat = random.uniform(250, 1200, 900)
    jets = {"pt": hat * random.normal(1, 0.1, 900), "pthat": hat, "weight": (hat / 500) ** -4}
    edges = np.arange(500.0, 1001.0, 50.0)
    for names in (("quark", "top"), ()):
        bins = [row for name in names for row in sampled(name, jets, 250.0, edges)]
        drawn = {f"pthat/{name}": plane(jets, edges) for name in names}
        save_histograms(tmp_path / "h.json", drawn)
        write_result(
            tmp_path / "s.json",
            JetSampling(edge=50.0, bins=bins, variations={}, numbers=softest(bins)),
        )
        paths = {kind: tmp_path / f"f.{kind}" for kind in ("pdf", "png")}
        pthat(
            histograms=tmp_path / "h.json", summary=tmp_path / "s.json",
            data=tmp_path / "f.json", **paths,
        )  # fmt: skip
        assert all(path.stat().st_size for path in paths.values())


@pytest.mark.parametrize("classes", [(), ("quark",), ("quark", "top")])
def test_variations_are_drawn_beside_the_nominal_weights(
    tmp_path: Path, classes: tuple[str, ...]
) -> None:
    """A weight that falls with the mass shows as a ratio that falls."""
    random = np.random.default_rng(2)
    size = 4000
    jets = {
        "pt": random.uniform(500, 1000, size), "m": random.uniform(20, 200, size),
        "msd": random.uniform(20, 200, size), "tau1": np.ones(size),
        "tau2": random.uniform(0.2, 1, size), "weight": np.ones(size),
    }  # fmt: skip
    jets |= dict.fromkeys(VARIATIONS, 1.2 - jets["m"] / 500)
    drawn = {}
    for name in classes:
        drawn |= varied(name, jets, SummarySettings())
    save_histograms(tmp_path / "h.json", drawn)
    paths = {kind: tmp_path / f"f.{kind}" for kind in ("pdf", "png", "json")}
    variations(
        histograms=tmp_path / "h.json", pdf=paths["pdf"], png=paths["png"], data=paths["json"]
    )
    assert all(path.stat().st_size for path in paths.values())
    text = paths["json"].read_text()
    assert ("final state" in text) == bool(classes)


def test_kinematics_of_two_pairs(tmp_path: Path) -> None:
    pairs = [
        KinematicsPair(
            first=JET_CLASSES[0], second=second, before=0.6, before_error=0.01, after=0.505,
            after_error=0.01, floor=0.52,
        )
        for second in JET_CLASSES[1:3]
    ]  # fmt: skip
    write_result(tmp_path / "k.json", Kinematics(pairs=pairs, effective={}, numbers=[]))
    paths = {kind: tmp_path / f"f.{kind}" for kind in ("pdf", "png")}
    kinematics(kinematics=tmp_path / "k.json", data=tmp_path / "f.json", **paths)
    assert read_json(tmp_path / "f.json")
