"""The Particle Transformer: weaver-core's with the same weights is the oracle."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from helpers.tagging import random_jets
from jetchain.core.schema.jets import JET_CLASSES
from jetchain.core.schema.tagging import TAGGING_FEATURES
from jetchain.tagging.models.layers import Dropout
from jetchain.tagging.models.part import ParTSettings
from jetchain.tagging.networks import build

FEATURES, CLASSES = len(TAGGING_FEATURES), len(JET_CLASSES)
ORACLE_TOLERANCE = 1e-5
SIZES = [
    pytest.param(ParTSettings(dropout=0.0), id="default"),
    pytest.param(
        ParTSettings(
            embedding=[20, 12], pair_embedding=[6], heads=3, layers=2, class_layers=2, dropout=0
        ),
        id="other",
    ),
]


def weaver_part(ours: nn.Module, sizes: ParTSettings) -> nn.Module:
    """weaver-core's network with the weights of ours: the same names, more axes of length 1."""
    module = pytest.importorskip("weaver.nn.model.ParticleTransformer")
    no_dropout = {"dropout": 0, "attn_dropout": 0, "activation_dropout": 0}
    oracle = module.ParticleTransformer(
        FEATURES, CLASSES,
        embed_dims=sizes.embedding, pair_embed_dims=sizes.pair_embedding, num_heads=sizes.heads,
        num_layers=sizes.layers, num_cls_layers=sizes.class_layers, trim=False,
        block_params=no_dropout,
    )  # fmt: skip
    theirs, state = oracle.state_dict(), ours.state_dict()
    assert set(theirs) == set(state)
    oracle.load_state_dict({name: state[name].reshape(theirs[name].shape) for name in theirs})
    return oracle


def lively(network: nn.Module) -> nn.Module:
    """With parameters and statistics none of which is trivial."""
    with torch.no_grad():
        for name, value in [*network.named_parameters(), *network.named_buffers()]:
            if name.endswith("running_var"):
                value.uniform_(0.5, 2)
            elif value.is_floating_point() and value.dim() == 1:
                value += 0.2 * torch.randn_like(value)
    return network


@pytest.mark.parametrize("training", [False, True], ids=["evaluating", "training"])
@pytest.mark.parametrize("lengths", [[14] * 4, [14, 6, 1, 9]], ids=["full", "padded"])
@pytest.mark.parametrize("sizes", SIZES)
def test_it_equals_weaver(lengths: list[int], sizes: ParTSettings, training: bool) -> None:
    """Outputs and, in training on jets without padding, gradients and batch statistics."""
    if training and len(set(lengths)) > 1:
        pytest.skip("weaver-core counts padding in its batch statistics")
    torch.manual_seed(2)
    ours = lively(build("part", sizes, inputs=FEATURES, classes=CLASSES)).train(training)
    oracle = weaver_part(ours, sizes).train(training)
    jets = random_jets(lengths, 14 if len(set(lengths)) == 1 else 16)
    # weaver-core switches gradients off unless its inputs ask for one.
    features = jets.features.mT.clone().requires_grad_()
    theirs = oracle(features, jets.momentum.mT, jets.mask[:, None])
    mine = ours(jets)
    torch.testing.assert_close(mine, theirs, atol=ORACLE_TOLERANCE, rtol=0)
    assert theirs.std() > 0.01  # the comparison is not one of constants
    if not training:
        return
    for logits in (theirs, mine):
        nn.functional.cross_entropy(logits, torch.arange(4)).backward()
    expected = dict(oracle.named_parameters())
    for name, parameter in ours.named_parameters():
        torch.testing.assert_close(
            parameter.grad.flatten(), expected[name].grad.flatten(), atol=1e-4, rtol=1e-3, msg=name
        )
    buffers = dict(oracle.named_buffers())
    for name, buffer in ours.named_buffers():
        torch.testing.assert_close(buffer, buffers[name], atol=1e-4, rtol=1e-4)


def test_number_of_parameters_is_that_of_the_paper() -> None:
    """2.14 M: arXiv:2202.03772, table 3 (ten classes)."""
    full = ParTSettings(
        embedding=[128, 512, 128], pair_embedding=[64, 64, 64], heads=8, layers=8, class_layers=2
    )
    network = build("part", full, inputs=FEATURES, classes=10)
    count = sum(parameter.numel() for parameter in network.parameters())
    assert round(count, -4) == 2_140_000


def test_initial_weights_are_of_the_size_of_weavers() -> None:
    sizes = ParTSettings(embedding=[64, 64])
    torch.manual_seed(1)
    ours = build("part", sizes, inputs=FEATURES, classes=CLASSES)
    module = pytest.importorskip("weaver.nn.model.ParticleTransformer")
    theirs = module.ParticleTransformer(
        FEATURES, CLASSES, embed_dims=[64, 64], pair_embed_dims=sizes.pair_embedding,
        num_heads=sizes.heads, num_layers=sizes.layers, num_cls_layers=1,
    ).state_dict()  # fmt: skip
    for name, value in ours.state_dict().items():
        if value.dim() > 1 and value.numel() > 200:
            np.testing.assert_allclose(value.std(), theirs[name].std(), rtol=0.2, err_msg=name)
        elif value.dim() == 1 and not name.startswith("pair_embed"):
            torch.testing.assert_close(value, theirs[name], msg=name)


def test_dropout_drops_its_share_and_keeps_the_mean() -> None:
    torch.manual_seed(3)
    layer, x = Dropout(0.1), torch.ones(100, 2003, requires_grad=True)
    found = layer(x)
    zero = found == 0
    assert zero.double().mean() == pytest.approx(0.1, abs=4 * np.sqrt(0.09 / x.numel()))
    torch.testing.assert_close(
        found[~zero], torch.full((int((~zero).sum()),), 1 / 0.9), rtol=1e-4, atol=0
    )
    # Four numbers share a draw: none tells of its neighbours.
    for step in (1, 2, 3):
        both = (zero[:, step:] & zero[:, :-step]).double().mean()
        assert both == pytest.approx(0.01, abs=4 * np.sqrt(0.01 / x.numel()))
    found.sum().backward()
    torch.testing.assert_close(x.grad, found.detach())
    torch.testing.assert_close(layer.eval()(x), x)
