"""Training throughput of ParticleNet against weaver-core's, same sizes, same jets, one run."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from jetchain.core.errors import ToolError
from jetchain.core.io.tables import write_result
from jetchain.core.schema.tagging import TAGGING_FEATURES, TaggingBench
from jetchain.core.seeds import generator
from jetchain.core.verbs import Output
from jetchain.tagging.batches import Jets
from jetchain.tagging.models import MODELS
from jetchain.tagging.networks import build
from jetchain.tagging.settings import BenchSettings

CLASSES = 10  # as many as in JetClass


def bench(*, report: Output, settings: BenchSettings, seed: int) -> None:
    """Train both networks for some steps by turns, and write jets per CPU second of each.

    Forward, backward and optimiser are timed, in CPU seconds of this process, on one thread and
    with torch's default (not deterministic) algorithms for both.

    Args:
        report: where to write the result.
        settings: size of the batch and number of steps.
        seed: of the jets and the weights.

    Raises:
        ToolError: weaver-core is not installed.
    """
    try:
        from weaver.nn.model.ParticleNet import ParticleNet as WeaverParticleNet
    except ImportError as error:
        raise ToolError(
            f"weaver-core cannot be imported ({error}).", "Install it: `make` installs the lock."
        ) from error
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    jets = random_jets(settings, generator(seed, "bench"))
    sizes = MODELS.decode("particlenet", {})
    blocks = [(sizes.neighbours, tuple(widths)) for widths in sizes.channels]
    layers = [(width, sizes.dropout) for width in sizes.fully_connected]
    weaver = WeaverParticleNet(
        len(TAGGING_FEATURES),
        CLASSES,
        conv_params=blocks,
        fc_params=layers,
        use_fusion=sizes.fusion,
    )
    # weaver-core asks for gradients of its inputs, and for channels before particles.
    points, features = jets.points.mT.contiguous(), jets.features.mT.contiguous()
    features.requires_grad_(True)
    mask = jets.mask[:, None]
    ours, pfn = (
        build(name, own, inputs=len(TAGGING_FEATURES), classes=CLASSES)
        for name, own in (("particlenet", sizes), ("pfn", {}))
    )
    steps: dict[str, Callable[[], Any]] = {
        "weaver_particlenet": training_step(
            weaver, lambda: weaver(points, features, mask), jets.label
        ),
        "particlenet": training_step(ours, lambda: ours(jets), jets.label),
        "pfn": training_step(pfn, lambda: pfn(jets), jets.label),
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
            ratio_to_weaver=median["particlenet"] / median["weaver_particlenet"],
        ),
    )


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
    """Jets of random particles, their number Poisson about the mean; speed is all they are for."""
    shape = (settings.jets, settings.particles)
    lengths = random.poisson(settings.mean_particles, settings.jets).clip(1, settings.particles)
    mask = torch.from_numpy(np.arange(settings.particles) < lengths[:, None])
    features = torch.from_numpy(
        random.normal(size=(*shape, len(TAGGING_FEATURES))).astype(np.float32)
    )
    points = torch.from_numpy(random.normal(scale=0.3, size=(*shape, 2)).astype(np.float32))
    label = torch.from_numpy(random.integers(0, CLASSES, settings.jets))
    return Jets.of(
        points=points * mask[..., None], features=features * mask[..., None], mask=mask, label=label
    )
