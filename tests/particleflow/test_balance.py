"""The balance of photons and neutral hadrons."""

import numpy as np
import pytest
import torch

from helpers.graph_files import mapped_graphs
from jetchain.core.schema.particleflow import PARTICLE_CLASSES
from jetchain.particleflow.algorithms.mlpf import Mlpf, MlpfModelSettings
from jetchain.particleflow.balance import ETA, balance, offset_of
from jetchain.particleflow.batch import Batches
from jetchain.particleflow.network import NEUTRAL_HADRON, PHOTON, Candidates


def test_photons_get_their_share_of_the_transverse_momentum():
    """Of 1, 2, 3 and 4 GeV: by falling odds photons may hold 0, 4, 7, 9 or 10 of 10 GeV."""
    pt, odds = np.array([3.0, 1.0, 4.0, 2.0]), np.array([0.5, -2.0, 3.0, -1.0])
    for share, expected in ((0.0, 0.0), (0.35, 0.4), (0.7, 0.7), (0.85, 0.9), (1.0, 1.0)):
        offset = offset_of(odds, pt, share)
        assert pt[odds + offset > 0].sum() / 10.0 == pytest.approx(expected)
    assert offset_of(odds[:0], pt[:0], 0.5) == 0.0


@torch.no_grad()
def test_a_network_finds_as_much_in_photons_as_there_is(tmp_path):
    """Up to the pT of one candidate, whatever it thinks of photons before."""
    events, rows = (
        mapped_graphs(tmp_path / "graphs.safetensors", 6, charged=4, neutral=20),
        range(6),
    )
    torch.manual_seed(1)
    model = Mlpf(MlpfModelSettings(hidden=8, layers=1)).eval()
    read = lambda: Batches(events, np.array(rows), 6)  # noqa: E731
    model.standardise(read)
    model.classes[-1].bias[1 + PHOTON] += 5.0  # candidates, and photons before all
    balance(model, events, np.array(rows))
    (batch,) = read()
    found = model.balanced(model.candidates(batch))
    truth = events.rows(np.array(rows), ["particle", "particle_label", "particle_offset"])
    pt, eta = truth["particle"][:, :2].T
    sums = [pt[(truth["particle_label"] == k) & (abs(eta) < ETA)].sum()
            for k in (PHOTON, NEUTRAL_HADRON)]  # fmt: skip
    inside = abs(found.eta) < ETA
    photons, hadrons = (found.pt[inside & (found.label == k)] for k in (PHOTON, NEUTRAL_HADRON))
    assert 0.05 < sums[0] / sum(sums) < 0.95
    off = abs(photons.sum() - sums[0] / sum(sums) * (photons.sum() + hadrons.sum()))
    assert off <= max([*photons, *hadrons])
    assert min(len(photons), len(hadrons)) > 3


@pytest.fixture
def found():
    """Two charged candidates and two neutral ones."""
    label = np.array([0, PHOTON, NEUTRAL_HADRON, 3])
    pt, eta, phi = np.ones((3, 4))
    node = np.arange(4)
    return Candidates(0 * node, label, pt, eta, phi, node, np.array([0.0, 1.0, -1.0, 0.0]))


def test_only_the_class_of_neutral_candidates_follows_the_offset(found):
    model = Mlpf(MlpfModelSettings(hidden=4, layers=1))
    expected = {-2.0: NEUTRAL_HADRON, 0.0: None, 2.0: PHOTON}
    for offset, both in expected.items():
        model.photon_offset.fill_(offset)
        label = model.balanced(found).label
        neutral = [PHOTON, NEUTRAL_HADRON] if both is None else [both, both]
        assert label.tolist() == [0, *neutral, PARTICLE_CLASSES.index("electron")]
