"""Kinematics against `vector`; histograms survive their file; figures have the same bytes twice."""

import numpy as np
import pytest
import vector

from jetchain.core import histograms, kinematics, style
from jetchain.core.errors import DataError

RANDOM = np.random.default_rng(5)


def test_kinematics_agree_with_vector():
    px, py, pz = RANDOM.normal(size=(3, 100)) * 50
    mass = RANDOM.uniform(0, 10, 100)
    oracle = vector.array({"px": px, "py": py, "pz": pz, "mass": mass})
    pt, eta, phi = kinematics.pt_eta_phi(px, py, pz)
    assert np.allclose([pt, eta, phi], [oracle.pt, oracle.eta, oracle.phi])
    back = kinematics.cartesian(pt, eta, phi, mass)
    assert np.allclose(back, [px, py, pz, oracle.E])
    assert np.allclose(kinematics.invariant_mass(*back), mass, atol=1e-5)


def test_delta_phi_wraps():
    assert kinematics.delta_phi(3.0, -3.0) == pytest.approx(6.0 - 2 * np.pi)
    assert np.all(np.abs(kinematics.delta_phi(RANDOM.uniform(-9, 9, 99), 0.0)) <= np.pi)


def test_histograms_survive_their_file(tmp_path):
    one = histograms.weighted("m", RANDOM.normal(size=50), np.linspace(-2, 2, 9), np.full(50, 0.5))
    histograms.save_histograms(tmp_path / "h.json", {"mass": one})
    assert histograms.load_histograms(tmp_path / "h.json") == {"mass": one}
    assert one.sum(flow=True).value == pytest.approx(25)
    (tmp_path / "h.json").write_text('{"mass": 3}')
    with pytest.raises(DataError, match=r"h\.json: does not hold histograms"):
        histograms.load_histograms(tmp_path / "h.json")


def test_figures_have_the_same_bytes_twice(tmp_path):
    names = ("f.pdf", "f.png", "f.json")
    for folder in ("a", "b"):
        figure, axes = style.new_figure()
        axes.plot([1, 2, 3], label="line")
        style.label(axes, right="13 TeV")
        style.save_figure(figure, *(tmp_path / folder / name for name in names))
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
