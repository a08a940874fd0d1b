"""The latency report: what the trigger tagger costs, how fast it is, what quantisation loses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

import numpy as np

from jetchain.core import metrics
from jetchain.core.errors import DataError
from jetchain.core.io.atomic import atomic
from jetchain.core.io.tables import read_result, write_csv, write_result
from jetchain.core.io.tensors import read_tensors
from jetchain.core.schema.base import Estimate
from jetchain.core.schema.firmware import (
    Budget,
    Comparison,
    DesignCost,
    FirmwareReport,
    HLSSimulation,
    Latency,
    NetworkSize,
    Performance,
    Pipeline,
    Published,
    RTLDesign,
    RTLSimulation,
    Simulated,
)
from jetchain.core.seeds import derive_seed
from jetchain.core.verbs import Input, Output
from jetchain.firmware.design import Fixed, read_fixed
from jetchain.firmware.performance import FIRMWARE_SCORES
from jetchain.firmware.quantise import Array
from jetchain.firmware.settings import ReportSettings

# Accuracy at 16 constituents on the public five-class data set of arXiv 2402.01876 (quark, gluon,
# W, Z, top; another detector and other cuts, so beside our numbers and not against them).
PUBLISHED = Published(
    source="arXiv 2402.01876, 16 constituents",
    accuracy={"MLP": 0.684, "DeepSets": 0.694, "Interaction network": 0.708},
)


def report(
    *,
    float_performance: Input,
    quantised_performance: Input,
    float_scores: Input,
    quantised_scores: Input,
    hls_scores: Input,
    rtl_scores: Input,
    weights: Input,
    description: Input,
    hls: Input,
    rtl: Input,
    summary: Output,
    scan: Output,
    bits: Output,
    text: Output,
    design: str,
    settings: ReportSettings,
    seed: int,
) -> None:
    """Gather accuracy, exactness, cycles and budgets as JSON, CSV and Markdown."""
    described = read_result(description, RTLDesign)
    measured = read_result(rtl, RTLSimulation)
    network = read_fixed(weights, design, settings.model, settings.formats)
    stages = {
        "floating": read_tensors(float_scores, FIRMWARE_SCORES),
        "quantised": read_tensors(quantised_scores, FIRMWARE_SCORES),
        "hls": read_tensors(hls_scores, FIRMWARE_SCORES),
        "rtl": read_tensors(rtl_scores, FIRMWARE_SCORES),
    }
    label, weight = (stages["floating"][name] for name in ("label", "weight"))
    if any(not np.array_equal(label, stage["label"]) for stage in stages.values()):
        raise DataError(
            f"{float_scores} and {quantised_scores} hold different jets.",
            "One of them is from another run. Remove both and run the same command again.",
        )
    logits = {name: stage["logits"] for name, stage in stages.items()}
    replicas = settings.evaluation.replicas
    loss = metrics.bootstrap(
        lambda y, one, two, w: metrics.balanced_accuracy(y, one, w)
        - metrics.balanced_accuracy(y, two, w),
        label, logits["floating"], logits["quantised"], weight,
        replicas=replicas, seed=derive_seed(seed, "loss"),
    )  # fmt: skip
    period = settings.device.clock_period
    cycles = measured.latency_cycles
    interval = measured.initiation_interval_cycles
    value = FirmwareReport(
        accuracy=accuracies(label, weight, logits, replicas, derive_seed(seed, "accuracy")),
        accuracy_loss_from_quantisation=Estimate(**asdict(loss)),
        auc={
            "floating": read_result(float_performance, Performance).auc,
            "quantised": read_result(quantised_performance, Performance).auc,
        },
        test_jets=len(label),
        published=PUBLISHED,
        network=NetworkSize(
            widths=network.widths,
            weights=sum(weight.size for weight in network.parameters),
            sparsity=network.sparsity,
        ),
        simulated=Simulated(
            hls=read_result(hls, HLSSimulation),
            rtl=Comparison(
                vectors=measured.vectors, outputs=measured.outputs, differing=measured.differing
            ),
        ),
        latency=Latency(
            cycles_measured=cycles,
            cycles_predicted=described.predicted_latency_cycles,
            initiation_interval_measured=interval,
            clock_period_ns=period,
            latency_ns=cycles * period,
            interval_ns=interval * period,
        ),
        budget=Budget(
            bunch_spacing_ns=settings.budget.bunch_spacing,
            latency_ns=settings.budget.latency,
            keeps_up=interval * period <= settings.budget.bunch_spacing,
            in_time=cycles * period <= settings.budget.latency,
        ),
        design=DesignCost(
            latency_cutoff=described.latency_cutoff,
            register_bits=described.register_bits,
            estimated_luts=described.estimated_luts,
            part=settings.device.part,
        ),
    )  # fmt: skip
    write_result(summary, value)
    write_csv(scan, scan_table(described.scan, period))
    write_csv(bits, weight_bits(network))
    with atomic(text) as temporary:
        temporary.write_text(markdown(value, network.description, described.scan), encoding="utf-8")


def accuracies(
    label: np.ndarray,
    weight: np.ndarray,
    logits: Mapping[str, np.ndarray],
    replicas: int,
    seed: int,
) -> dict[str, Estimate]:
    """Balanced accuracy by stage, on the same replicas: equal outputs have equal errors.

    Args:
        label: (jets,) index of the true class.
        weight: (jets,)
        logits: (jets, classes) of each stage.
        replicas: of the bootstrap.
        seed: of the bootstrap.
    """
    return {
        name: Estimate(
            **asdict(
                metrics.bootstrap(
                    metrics.balanced_accuracy, label, scores, weight, replicas=replicas, seed=seed
                )
            )
        )
        for name, scores in logits.items()
    }


def scan_table(rows: list[Pipeline], period: float) -> dict[str, list[float]]:
    """The pipelines that were tried, as columns; the clock's period in ns."""
    return {
        "latency_cutoff": [row.latency_cutoff for row in rows],
        "stages": [row.stages for row in rows],
        "register_bits": [row.register_bits for row in rows],
        "latency_ns": [row.stages * period for row in rows],
    }


def significant_bits(values: Array) -> np.ndarray:
    """Bits that a fixed-point number needs as a factor: the binary length of its odd part.

    0 for zero, 1 for a power of two (a shift in hardware), and so on; the sign is not counted.

    Args:
        values: any shape, multiples of 2^-24.
    """
    integers = np.abs(np.round(np.asarray(values) * 2.0**24)).astype(np.int64)
    odd = integers // np.maximum(integers & -integers, 1)
    return np.where(integers == 0, 0, np.ceil(np.log2(odd + 1.0))).astype(np.int64)


def weight_bits(network: Fixed) -> dict[str, list[int]]:
    """Number of weights by layer and by significant bits."""
    columns: dict[str, list[int]] = {"layer": [], "bits": [], "weights": []}
    per_layer = [significant_bits(weight).ravel() for weight in network.parameters]
    largest = max(int(values.max()) for values in per_layer)
    for layer, values in enumerate(per_layer):
        for bits, count in enumerate(np.bincount(values, minlength=largest + 1)):
            columns["layer"].append(layer)
            columns["bits"].append(bits)
            columns["weights"].append(int(count))
    return columns


def markdown(value: FirmwareReport, description: str, scan: list[Pipeline]) -> str:
    """The report as a page to read."""

    def percent(estimate: Estimate) -> str:
        return f"{100 * estimate.value:.1f} ± {100 * estimate.std:.1f} %"

    latency, budget, network = value.latency, value.budget, value.network
    accuracy, exact = value.accuracy, value.simulated
    lines = [
        "# Trigger tagger: latency report",
        "",
        f"{description}, {network.weights} weights of which {100 * network.sparsity:.1f} % are "
        f"zero; {value.test_jets} test jets.",
        "",
        "| stage | balanced accuracy | outputs that differ from the quantised network |",
        "|---|---|---|",
        f"| float network (dense) | {percent(accuracy['floating'])} | |",
        f"| quantised, pruned network | {percent(accuracy['quantised'])} | |",
        f"| HLS project, C simulation | {percent(accuracy['hls'])} "
        f"| {exact.hls.differing} of {exact.hls.outputs} |",
        f"| Verilog, Verilator simulation | {percent(accuracy['rtl'])} "
        f"| {exact.rtl.differing} of {exact.rtl.outputs} |",
        "",
        "Lost by quantisation and pruning: "
        f"{percent(value.accuracy_loss_from_quantisation)} (same jets). Published for the same "
        f"task on another data set ({value.published.source}): "
        + ", ".join(f"{n} {100 * a:.1f} %" for n, a in value.published.accuracy.items())
        + ".",
        "",
        "| timing of the Verilog | cycles | ns | budget |",
        "|---|---|---|---|",
        f"| latency (measured; da4ml predicts {latency.cycles_predicted}) "
        f"| {latency.cycles_measured} | {latency.latency_ns:g} "
        f"| {budget.latency_ns:g} ns: {'met' if budget.in_time else 'NOT met'} |",
        f"| initiation interval (measured) | {latency.initiation_interval_measured} "
        f"| {latency.interval_ns:g} "
        f"| {budget.bunch_spacing_ns:g} ns: {'met' if budget.keeps_up else 'NOT met'} |",
        "",
        "Cycles are counted from the clock edge that takes an input in to the edge that gives its "
        f"output. Nanoseconds are at the clock period asked for, {latency.clock_period_ns:g} "
        "ns; that the chip reaches it is not proven here: that needs the vendor's place and route, "
        "for which the archive holds the scripts.",
        "",
        "| latency cutoff (adder delays) | pipeline stages | register bits |",
        "|---|---|---|",
        *(f"| {row.latency_cutoff:g} | {row.stages} | {row.register_bits} |" for row in scan),
        "",
        f"The design simulated has cutoff {value.design.latency_cutoff:g}; da4ml's cost "
        f"model gives {value.design.estimated_luts:.0f} LUTs (an "
        "estimate), no DSP, no block RAM.",
        "",
    ]
    return "\n".join(lines)
