"""pT and |eta| alone: told before the weights, not after."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from helpers.jetgraphs import write_toy_samples
from helpers.spectra import made_up
from helpers.tagging import make_dataset
from jetchain.core.io.tables import read_result
from jetchain.core.schema.tagging import Kinematics
from jetchain.core.spectrum import CommonSpectrum
from jetchain.tagging.kinematics import kinematics, separation
from jetchain.tagging.settings import FeatureSettings


def test_trees_tell_classes_by_their_spectrum_and_no_longer_after_the_weights() -> None:
    """10,000 jets a class: an error of about .004, so .52 is five of them away."""
    training, held_out = made_up(10_000, 1), made_up(10_000, 2)
    spectrum = CommonSpectrum.of(**training, classes=3, bins=(20, 8))
    for classes in ((0, 1), (0, 2), (1, 2)):
        before, after = (
            separation(
                *(
                    (np.stack([jets["pt"], np.abs(jets["eta"])], axis=1), jets["label"], weight)
                    for jets, weight in zip((training, held_out), weights, strict=True)
                ),
                classes,
            )
            for weights in (
                [training["weight"], held_out["weight"]],
                [spectrum.weights(**training), spectrum.weights(**held_out)],
            )
        )
        assert before[0] > 0.53
        assert after[0] < 0.52
        assert 0.002 < after[1] < 0.01


def test_every_pair_is_measured_and_the_worst_is_a_row(tmp_path: Path) -> None:
    graphs = write_toy_samples(tmp_path / "graphs", 120)
    made = make_dataset(tmp_path, graphs, FeatureSettings(particles=8))
    kinematics(**made, result=tmp_path / "k.json")
    found = read_result(tmp_path / "k.json", Kinematics)
    assert len({(pair.first, pair.second) for pair in found.pairs}) == 21
    (row,) = found.numbers
    assert row.value == max(pair.after for pair in found.pairs)
    assert row.reference == 0.5
