"""pT and |eta| alone: told before the weights, not after."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from helpers.jetgraphs import write_toy_samples
from helpers.spectra import made_up
from helpers.tagging import make_dataset
from jetchain.core.io.tables import read_result
from jetchain.core.schema.tagging import Kinematics
from jetchain.core.spectrum import CommonSpectrum
from jetchain.tagging.kinematics import area, areas, kinematics, shuffles, trained
from jetchain.tagging.settings import FeatureSettings


def test_trees_tell_classes_by_their_spectrum_and_no_longer_after_the_weights() -> None:
    """10,000 jets a class: an error of about .004, so .52 is five of them away."""
    training, held_out = made_up(10_000, 1), made_up(10_000, 2)
    spectrum = CommonSpectrum.of(**training, classes=3, bins=(25, 10))
    x, y = (np.stack([jets["pt"], np.abs(jets["eta"])], axis=1) for jets in (training, held_out))
    for pair in ((0, 1), (0, 2), (1, 2)):
        before, after = (
            area(trained(x, training["label"], w, pair).predict_proba(y)[:, 1],
                 held_out["label"], v, pair)
            for w, v in (
                (training["weight"], held_out["weight"]),
                (spectrum.weights(**training), spectrum.weights(**held_out)),
            )
        )  # fmt: skip
        assert before[0] > 0.53
        assert after[0] < 0.52
        assert 0.002 < after[1] < 0.01


def test_classes_are_shuffled_by_event_and_tell_what_chance_gives() -> None:
    random = np.random.default_rng(1)
    label, event = np.repeat([0, 1], [900, 300]), np.arange(1200) // 2
    found = shuffles(label, event, random)
    for each in found:
        np.testing.assert_array_equal(each[::2], each[1::2])
        np.testing.assert_array_equal(np.bincount(each), [900, 300])
    score = random.uniform(size=600)[event]  # two jets of an event are one: the error is larger
    areas = [area(score, each, np.ones(1200), (0, 1)) for each in found]
    assert np.mean([value for value, _ in areas]) == pytest.approx(0.5, abs=0.01)
    assert 1.1 < np.std([value for value, _ in areas]) / areas[0][1] < 1.8


def test_every_pair_is_measured_and_stands_beside_what_chance_gives(tmp_path: Path) -> None:
    graphs = write_toy_samples(tmp_path / "graphs", 120)
    made = make_dataset(tmp_path, graphs, FeatureSettings(particles=8))
    kinematics(**made, result=tmp_path / "k.json", seed=1)
    found = read_result(tmp_path / "k.json", Kinematics)
    assert len({(pair.first, pair.second) for pair in found.pairs}) == 21
    assert all(0.5 < pair.floor < 1 for pair in found.pairs)
    assert len(found.effective) == 7
    worst, floor, mean = found.numbers
    assert worst.value == max(pair.after for pair in found.pairs)
    assert worst.reference == mean.reference == 0.5
    assert mean.value < worst.value
    assert 0.5 < floor.value < max(pair.floor for pair in found.pairs)


def test_the_areas_of_many_labels_are_those_of_each() -> None:
    random = np.random.default_rng(5)
    score = np.round(random.random(300), 2)  # with ties
    weight = random.exponential(size=300)
    labels = [random.integers(0, 3, 300) for _ in range(4)]
    expected = [area(score, label, weight, (2, 0))[0] for label in labels]
    np.testing.assert_allclose(areas(score, labels, weight, (2, 0)), expected, rtol=1e-12)
