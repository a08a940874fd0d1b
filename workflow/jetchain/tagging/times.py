"""What a jet takes in the training and in the use of each tagger, all on the same jets.

Of all numbers of the taggers these alone differ from run to run, so no result holds them: the table
of taggers takes those of resources/measured/tagger_times.json, a copy of what `make bench` wrote.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from jetchain.core.io.tables import write_result
from jetchain.core.processor import processor
from jetchain.core.schema.taggers_compared import TaggerTimes
from jetchain.core.schema.tagging import FEATURE_SETS
from jetchain.core.seeds import generator
from jetchain.core.verbs import Output
from jetchain.tagging.batches import Jets
from jetchain.tagging.bench import CLASSES, random_jets, training_step
from jetchain.tagging.models import MODELS, OWN
from jetchain.tagging.networks import build
from jetchain.tagging.settings import TimesSettings


def times(*, report: Output, settings: TimesSettings, seed: int) -> None:
    """Train and ask each tagger by turns, on one thread, and write CPU milliseconds a jet.

    A jet is counted each time that a training sees it: forward, backward and optimiser. A tagger
    that is not trained by steps is fitted to the jets once.

    Args:
        report: where to write the result.
        settings: the sizes of the taggers, the jets.
        seed: of the jets and the weights.
    """
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    options = settings.bench
    jets = random_jets(options, generator(seed, "times"))
    work: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {}
    fitted_once = []
    for name in settings.taggers or MODELS:
        if name == OWN and not settings.models.get(name, {}).get("network"):
            continue  # the user has none
        own = MODELS.decode(name, settings.models.get(name, {}))
        columns = FEATURE_SETS[own.feature_set or settings.feature_set]
        seen = jets.replace(features=jets.raw[..., : len(columns)])
        network = build(name, own, inputs=len(columns), classes=CLASSES)
        work[name] = steps(network, seen, seed)
        if hasattr(network, "fit"):
            fitted_once.append(name)
    spent: dict[str, list[list[float]]] = {name: [] for name in work}
    for pair in work.values():
        for each in pair:
            each()  # the first step allocates
    for _ in range(options.repetitions):
        for name, pair in work.items():
            spent[name].append([_milliseconds(each) / options.jets for each in pair])
    training, inference = (
        {name: float(np.median([pair[n] for pair in each])) for name, each in spent.items()}
        for n in (0, 1)
    )
    write_result(
        report,
        TaggerTimes(
            unit="CPU milliseconds a jet, one thread",
            machine=processor(),
            particles=options.particles,
            mean_particles=float(jets.mask.sum() / options.jets),
            training=training,
            inference=inference,
            fitted_once=sorted(fitted_once),
        ),
    )


def steps(
    network: torch.nn.Module, jets: Jets, seed: int
) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """A step of the training on some jets, or a fit to them, and a pass in evaluation."""

    def asked() -> None:
        network.eval()
        with torch.no_grad():
            network(jets)

    if hasattr(network, "fit"):
        fit: Any = network.fit
        return lambda: fit(jets, jets, seed), asked
    step = training_step(network, lambda: network.train()(jets), jets.label)
    return step, asked


def _milliseconds(work: Callable[[], Any]) -> float:
    started = time.process_time()
    work()
    return 1e3 * (time.process_time() - started)
