"""Training throughput beside that of weaver-core's networks: same sizes, same jets, one run."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from jetchain.core.errors import ToolError
from jetchain.core.io.tables import write_result
from jetchain.core.schema.graphs import JET_COLUMNS
from jetchain.core.schema.tagging import TAGGING_FEATURES, TaggingBench
from jetchain.core.seeds import generator
from jetchain.core.verbs import Output
from jetchain.tagging.batches import Jets
from jetchain.tagging.models import MODELS
from jetchain.tagging.networks import build
from jetchain.tagging.settings import BenchSettings

CLASSES = 10  # as many as in JetClass
SIZE = {"inputs": len(TAGGING_FEATURES), "classes": CLASSES}
PEERS = ("particlenet", "part")
"""The networks of which weaver-core has one too."""


def bench(*, report: Output, settings: BenchSettings, seed: int) -> None:
    """Train the networks for some steps by turns, and write jets per CPU second of each.

    Forward, backward and optimiser are timed, in CPU seconds of this process, on one thread and
    with torch's default (not deterministic) algorithms for all.

    Args:
        report: where to write the result.
        settings: size of the batch and number of steps.
        seed: of the jets and the weights.

    Raises:
        ToolError: weaver-core is not installed.
    """
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    jets = random_jets(settings, generator(seed, "bench"))
    steps = of_weaver(jets) | {
        name: training_step(network, partial(network, jets), jets.label)
        for name, network in ((name, build(name, {}, **SIZE)) for name in (*PEERS, "pfn"))
    }
    speed: dict[str, list[float]] = {name: [] for name in steps}
    for step in steps.values():
        step()  # the first step allocates
    for _ in range(settings.repetitions):
        for name, step in steps.items():
            started = time.process_time()
            for _ in range(settings.steps):
                step()
            elapsed = time.process_time() - started
            speed[name].append(settings.steps * settings.jets / elapsed)
    median = {name: float(np.median(values)) for name, values in speed.items()}
    write_result(
        report,
        TaggingBench(
            unit="jets per CPU second, one thread, forward + backward + optimiser",
            jets=settings.jets,
            particles=settings.particles,
            mean_particles=float(jets.mask.sum() / settings.jets),
            jets_per_second=median,
            ratio_to_weaver={name: median[name] / median[f"weaver_{name}"] for name in PEERS},
        ),
    )


def of_weaver(jets: Jets) -> dict[str, Callable[[], None]]:
    """Steps of weaver-core's networks, of the sizes that ours have by default."""
    try:
        from weaver.nn.model.ParticleNet import ParticleNet
        from weaver.nn.model.ParticleTransformer import ParticleTransformer
    except ImportError as error:
        raise ToolError(
            f"weaver-core cannot be imported ({error}).", "Install it: `make` installs the lock."
        ) from error
    sizes = MODELS.decode("particlenet", {})
    particlenet = ParticleNet(
        *SIZE.values(),
        conv_params=[(sizes.neighbours, tuple(widths)) for widths in sizes.channels],
        fc_params=[(width, sizes.dropout) for width in sizes.fully_connected],
        use_fusion=sizes.fusion,
    )
    sizes = MODELS.decode("part", {})
    drops = ("dropout", "attn_dropout", "activation_dropout")
    part = ParticleTransformer(
        *SIZE.values(),
        embed_dims=sizes.embedding,
        pair_embed_dims=sizes.pair_embedding,
        num_heads=sizes.heads,
        num_layers=sizes.layers,
        num_cls_layers=sizes.class_layers,
        block_params=dict.fromkeys(drops, sizes.dropout),
    )
    # weaver-core asks for gradients of its inputs, and for channels before particles.
    points, features = jets.points.mT.contiguous(), jets.features.mT.contiguous()
    features.requires_grad_(True)
    momentum, mask = jets.momentum.mT.contiguous(), jets.mask[:, None]
    calls: dict[str, tuple[nn.Module, Callable[[], Tensor]]] = {
        "weaver_particlenet": (particlenet, partial(particlenet, points, features, mask)),
        "weaver_part": (part, partial(part, features, momentum, mask)),
    }
    return {name: training_step(*each, jets.label) for name, each in calls.items()}


def training_step(
    network: nn.Module, forward: Callable[[], Tensor], label: Tensor
) -> Callable[[], None]:
    """A step of the training of a network, whose logits `forward` gives."""
    optimiser = torch.optim.AdamW(network.parameters())

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        nn.functional.cross_entropy(forward(), label).backward()
        optimiser.step()

    network.train()
    return step


def random_jets(settings: BenchSettings, random: np.random.Generator) -> Jets:
    """Jets of random particles, their number Poisson about the mean; speed is all they are for.

    All is known of them that a tagger may ask for.
    """
    shape = (settings.jets, settings.particles)
    lengths = random.poisson(settings.mean_particles, settings.jets).clip(1, settings.particles)
    mask = torch.from_numpy(np.arange(settings.particles) < lengths[:, None])
    three = random.normal(size=(*shape, 3))
    particles = {
        "points": random.normal(scale=0.3, size=(*shape, 2)),
        "features": random.normal(size=(*shape, len(TAGGING_FEATURES))),
        "momentum": np.concatenate([three, np.linalg.norm(three, axis=2, keepdims=True)], axis=2),
        "track": random.normal(size=(*shape, 4)),
    }
    columns = {
        name: torch.from_numpy(values.astype(np.float32)) * mask[..., None]
        for name, values in particles.items()
    }
    jet = random.uniform(0.1, 1, (settings.jets, len(JET_COLUMNS))).astype(np.float32)
    return Jets.of(
        **columns,
        raw=columns["features"],
        mask=mask,
        label=torch.from_numpy(random.integers(0, CLASSES, settings.jets)),
        jet=torch.from_numpy(jet),
        constituents=mask.sum(dim=1),
        weight=torch.ones(settings.jets),
    )
