"""What a jet takes in each design's float network on one core of a processor.

Of all numbers of the designs these alone differ from run to run, so no result holds them: the table
of designs takes those of resources/measured/firmware_times.json, a copy of what `make bench` wrote.
"""

from __future__ import annotations

import time

import numpy as np
import torch

from jetchain.core.io.tables import write_result
from jetchain.core.processor import processor
from jetchain.core.schema.firmware import FirmwareTimes
from jetchain.core.seeds import generator
from jetchain.core.verbs import Output
from jetchain.firmware.design import build
from jetchain.firmware.design_settings import DesignTimesSettings
from jetchain.firmware.designs import CLASSIFIERS

OWN = "own"  # its network is the user's
BATCH = 1024
CALLS = 200  # of one jet, between two looks at the clock


def times(*, report: Output, settings: DesignTimesSettings, seed: int) -> None:
    """Ask each design by turns, on one thread, and write CPU nanoseconds a jet.

    Args:
        report: where to write the result.
        settings: the sizes of the designs, what they see and answer, repetitions.
        seed: of the inputs and the weights.
    """
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    random = generator(seed, "times")
    work = {}
    for name in (each for each in CLASSIFIERS if each != OWN):
        design = build(name, settings.models.get(name, {}))
        rows = design.settings.constituents or settings.constituents
        inputs = rows * design.columns
        network = design.floating(inputs, len(settings.classes)).eval()
        x = torch.from_numpy(random.normal(size=(BATCH, inputs)).astype(np.float32))
        work[name] = (network, x)
    alone: dict[str, list[float]] = {name: [] for name in work}
    batch: dict[str, list[float]] = {name: [] for name in work}
    with torch.no_grad():
        for _ in range(settings.repetitions):
            for name, (network, x) in work.items():
                alone[name].append(_nanoseconds(network, x[:1], CALLS))
                batch[name].append(_nanoseconds(network, x, 2) / BATCH)
    write_result(
        report,
        FirmwareTimes(
            unit="CPU nanoseconds a jet, one thread, median",
            machine=processor(),
            batch=BATCH,
            alone={name: float(np.median(each)) for name, each in alone.items()},
            batched={name: float(np.median(each)) for name, each in batch.items()},
        ),
    )


def _nanoseconds(network: torch.nn.Module, x: torch.Tensor, calls: int) -> float:
    """Of a call; one before is not counted."""
    network(x)
    started = time.process_time()
    for _ in range(calls):
        network(x)
    return 1e9 * (time.process_time() - started) / calls
