"""The taggers' equations, and weaver-core's networks with the same weights as the oracle."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from helpers.tagging import CLASS_NUMBER, SHAPE, fresh, random_jets
from jetchain.core.errors import ConfigurationError
from jetchain.core.schema.tagging import TAGGING_FEATURES
from jetchain.tagging.models.particlenet import ParticleNetSettings, nearest
from jetchain.tagging.models.pfn import PFNSettings
from jetchain.tagging.networks import build

# Float32 networks of a few layers; float64 where a law holds up to rounding.
ORACLE_TOLERANCE = 1e-5
ROUNDING = 1e-10
FEATURES = len(TAGGING_FEATURES)


def weaver_particlenet(ours: nn.Module, sizes: ParticleNetSettings) -> nn.Module:
    """weaver-core's network with the weights of ours: the same names, more axes of length 1."""
    oracle_class = pytest.importorskip("weaver.nn.model.ParticleNet").ParticleNet
    oracle = oracle_class(
        FEATURES, CLASS_NUMBER,
        conv_params=[(sizes.neighbours, tuple(widths)) for widths in sizes.channels],
        fc_params=[(width, sizes.dropout) for width in sizes.fully_connected],
        use_fusion=sizes.fusion,
        trim=False,
    )  # fmt: skip
    theirs = oracle.state_dict()
    state = ours.state_dict()
    assert set(theirs) == set(state)
    oracle.load_state_dict({name: state[name].reshape(theirs[name].shape) for name in theirs})
    return oracle


@pytest.mark.parametrize(
    ("lengths", "places"),
    [
        pytest.param([30, 30, 30], 30, id="full"),
        pytest.param([30, 12, 9], 32, id="padded"),
        pytest.param([5, 1, 20], 24, id="fewer-than-neighbours"),
    ],
)
@pytest.mark.parametrize(
    "sizes",
    [
        pytest.param(ParticleNetSettings(), id="lite"),
        pytest.param(
            ParticleNetSettings(neighbours=4, channels=[[17, 17], [24]], fully_connected=[20, 10]),
            id="identity-shortcut",
        ),
        pytest.param(ParticleNetSettings(fusion=True), id="fusion"),
    ],
)
def test_particlenet_equals_weaver(
    lengths: list[int], places: int, sizes: ParticleNetSettings
) -> None:
    ours = fresh("particlenet", sizes)
    oracle = weaver_particlenet(ours, sizes).eval()
    jets = random_jets(lengths, places)
    with torch.no_grad():
        expected = oracle(jets.points.mT, jets.features.mT, jets.mask[:, None])
        torch.testing.assert_close(ours(jets), expected, atol=ORACLE_TOLERANCE, rtol=0)
    assert expected.std() > 0.01  # the comparison is not one of constants


def test_particlenet_trains_like_weaver() -> None:
    """On jets without padding batch statistics and gradients agree too."""
    sizes = ParticleNetSettings(dropout=0.0)
    torch.manual_seed(0)
    ours = build("particlenet", sizes, **SHAPE)
    oracle = weaver_particlenet(ours, sizes)
    jets = random_jets([20] * 8, 20)
    target = torch.arange(8) % CLASS_NUMBER
    # weaver-core switches gradients off unless its inputs ask for one.
    features = jets.features.mT.clone().requires_grad_()
    theirs = oracle(jets.points.mT, features, jets.mask[:, None])
    mine = ours(jets)
    torch.testing.assert_close(mine, theirs, atol=ORACLE_TOLERANCE, rtol=0)
    nn.functional.cross_entropy(theirs, target).backward()
    nn.functional.cross_entropy(mine, target).backward()
    expected = dict(oracle.named_parameters())
    for name, parameter in ours.named_parameters():
        torch.testing.assert_close(
            parameter.grad.flatten(),
            expected[name].grad.flatten(),
            atol=ORACLE_TOLERANCE,
            rtol=1e-3,
        )
    for name, buffer in ours.named_buffers():
        if "running" in name:
            # Unbiased variances count edges alike in both: nothing is padded.
            torch.testing.assert_close(buffer, dict(oracle.named_buffers())[name])


def test_pfn_equals_its_equation() -> None:
    """F(sum_i Phi(p_i)), eq. 2.5 of arXiv:1810.05165, written out in numpy, jet by jet."""
    network = fresh("pfn").double()
    weights = {name: value.numpy() for name, value in network.state_dict().items()}

    def layer(x: np.ndarray, name: str) -> np.ndarray:
        return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    jets = random_jets([7, 1, 12], 15, dtype=torch.float64)
    expected = []
    for jet, real in zip(jets.features.numpy(), jets.mask.numpy(), strict=True):
        x = jet[real]
        for i in range(3):
            x = np.maximum(layer(x, f"phi.{i}.0"), 0)
        x = x.sum(axis=0)
        for i in range(3):
            x = np.maximum(layer(x, f"fc.{i}.0"), 0)
        expected.append(layer(x, "fc.3"))
    with torch.no_grad():
        result = network(jets).numpy()
    np.testing.assert_allclose(result, expected, rtol=0, atol=ROUNDING)


def test_number_of_parameters() -> None:
    """The published sizes, less the output layer's three classes of JetClass that we lack.

    PFN 86.1 k and ParticleNet 370 k: arXiv:2202.03772; ParticleNet-Lite with 17 features and
    7 classes: the count of weaver-core's network of the same sizes.
    """

    def count(name: str, settings: PFNSettings | ParticleNetSettings) -> int:
        return sum(parameter.numel() for parameter in build(name, settings, **SHAPE).parameters())

    full = ParticleNetSettings(
        neighbours=16, channels=[[64] * 3, [128] * 3, [256] * 3], fully_connected=[256]
    )
    assert round(count("pfn", PFNSettings()) + 3 * 129, -2) == 86_200
    assert round(count("particlenet", ParticleNetSettings()), -3) == 28_000
    assert round(count("particlenet", full) + 3 * 257, -4) == 370_000


def test_nearest_against_all_distances() -> None:
    jets = random_jets([12, 6], 12)
    points, mask = jets.points, jets.mask
    found = nearest(points, mask, 3)
    for jet in range(2):
        for i in range(int(mask[jet].sum())):
            others = [j for j in range(int(mask[jet].sum())) if j != i]
            others.sort(key=lambda j, jet=jet, i=i: float((points[jet, i] - points[jet, j]).norm()))
            assert set(found[jet, i].tolist()) == set(others[:3])


def test_unknown_tagger_is_named_with_the_nearest_known() -> None:
    with pytest.raises(ConfigurationError, match=r"'particlenett'.*Did you mean 'particlenet'"):
        build("particlenett", ParticleNetSettings(), **SHAPE)


def test_every_tagger_is_built_where_nothing_of_its_file_has_been_loaded():
    """As a job does: settings are first read without the rest of the file."""
    program = (
        "from jetchain.tagging.models import MODELS\n"
        "from jetchain.tagging.networks import build\n"
        "for name in reversed([*MODELS]):\n"
        "    build(name, MODELS.decode(name, {}), inputs=17, classes=2)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
