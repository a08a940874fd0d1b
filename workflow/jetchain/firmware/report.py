"""The latency report: what the trigger tagger costs, how fast it is, what quantisation loses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import binomtest

from jetchain.core import metrics
from jetchain.core.errors import DataError
from jetchain.core.io.atomic import atomic
from jetchain.core.io.tables import read_json, read_result, write_csv, write_result
from jetchain.core.io.tensors import read_tensors
from jetchain.core.schema.base import Estimate
from jetchain.core.schema.firmware import (
    Budget,
    Comparison,
    DesignCost,
    Estimates,
    FirmwareReport,
    HLSSimulation,
    Latency,
    NetworkSize,
    Paired,
    Performance,
    Pipeline,
    Published,
    RTLDesign,
    RTLSimulation,
    Seen,
    Simulated,
)
from jetchain.core.seeds import derive_seed
from jetchain.core.verbs import Input, Output, Resource
from jetchain.firmware.dataset import FEATURES
from jetchain.firmware.design import Fixed, read_fixed
from jetchain.firmware.performance import FIRMWARE_SCORES
from jetchain.firmware.quantise import Format, significant_bits
from jetchain.firmware.settings import ReportSettings


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
    published: Resource,
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
    require_same_jets(stages, float_scores, quantised_scores)
    logits = {name: stage["logits"] for name, stage in stages.items()}
    replicas = settings.evaluation.replicas
    loss = accuracy_loss(
        label, logits["floating"], logits["quantised"], weight, replicas, derive_seed(seed, "loss")
    )
    reference = read_json(published)
    period = settings.device.clock_period
    cycles = measured.latency_cycles
    interval = measured.initiation_interval_cycles
    value = FirmwareReport(
        accuracy=accuracies(label, weight, logits, replicas, derive_seed(seed, "accuracy")),
        accuracy_loss_from_quantisation=loss,
        paired=paired(label, logits["floating"], logits["quantised"]),
        seen=seen(network),
        bit_operations=network.bit_operations,
        auc={
            "floating": read_result(float_performance, Performance).auc,
            "quantised": read_result(quantised_performance, Performance).auc,
        },
        test_jets=len(label),
        published=Published.model_validate(reference["shown"]),
        network=size(network),
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
        estimates=estimates(described, interval, reference),
    )  # fmt: skip
    write_result(summary, value)
    write_csv(scan, scan_table(described.scan, period))
    write_csv(bits, weight_bits(network))
    with atomic(text) as temporary:
        temporary.write_text(markdown(value, network.description, described.scan), encoding="utf-8")


def require_same_jets(stages: Mapping[str, Mapping[str, np.ndarray]], *paths: Path) -> None:
    """Raise `DataError` unless all stages hold scores of the same jets."""
    first, *others = stages.values()
    if any(not np.array_equal(first["label"], other["label"]) for other in others):
        raise DataError(
            f"{' and '.join(map(str, paths))} hold different jets.",
            "One of them is from another run. Remove both and run the same command again.",
        )


def accuracy_loss(
    label: np.ndarray,
    one: np.ndarray,
    other: np.ndarray,
    weight: np.ndarray,
    replicas: int,
    seed: int,
) -> Estimate:
    """By how much the balanced accuracy of one is larger than that of the other, jet by jet.

    Args:
        label: (jets,) index of the true class.
        one, other: logits; (jets, classes) each.
        weight: (jets,)
        replicas: of the bootstrap.
        seed: of the bootstrap.
    """
    loss = metrics.bootstrap(
        lambda y, a, b, w: metrics.balanced_accuracy(y, a, w) - metrics.balanced_accuracy(y, b, w),
        label, one, other, weight, replicas=replicas, seed=seed,
    )  # fmt: skip
    return Estimate(**asdict(loss))


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


def seen(network: Fixed) -> Seen:
    """What the design sees of a jet."""
    columns = network.design.columns
    return Seen(constituents=network.number // columns, features=list(FEATURES[:columns]))


def size(network: Fixed) -> NetworkSize:
    """How large the design is, and the bits of its numbers."""
    bits = {
        "inputs": network.inputs.width,
        "weights": Format.of(network.formats.weights).width,
        "activations": network.activations.width,
    }
    return NetworkSize(
        widths=network.widths,
        bits=bits,
        weights=sum(weight.size for weight in network.parameters),
        sparsity=network.sparsity,
    )


def paired(label: np.ndarray, floating: np.ndarray, quantised: np.ndarray) -> Paired:
    """Which jets one network alone recognises, and the exact McNemar test.

    Args:
        label: (jets,) index of the true class.
        floating, quantised: (jets, classes) logits.

    Reference: McNemar, Psychometrika 12 (1947) 153; two-sided, exact in the binomial.
    """
    one, two = (logits.argmax(axis=1) == label for logits in (floating, quantised))
    first, second = int(np.sum(one & ~two)), int(np.sum(two & ~one))
    value = binomtest(first, first + second).pvalue if first + second else 1.0
    return Paired(float_only=first, quantised_only=second, p_value=float(value))


def estimates(described: RTLDesign, interval: int, reference: Mapping[str, Any]) -> Estimates:
    """LUTs and nanoseconds in the bands of published designs; see resources/published."""
    calibration, device = reference["calibration"], reference["device"]
    cycles = described.calibrated.stages
    clocks = calibration["clock_period_ns"]
    return Estimates(
        luts=tuple(described.estimated_luts * ratio for ratio in calibration["luts_over_cost"]),
        part_luts=device["luts"],
        latency_cutoff=described.calibrated.latency_cutoff,
        cycles=cycles,
        clock_period_ns=clocks,
        latency_ns=tuple(cycles * clock for clock in clocks),
        interval_ns=tuple(interval * clock for clock in clocks),
        source=calibration["source"],
    )


def scan_table(rows: list[Pipeline], period: float) -> dict[str, list[float]]:
    """The pipelines that were tried, as columns; the clock's period in ns."""
    return {
        "latency_cutoff": [row.latency_cutoff for row in rows],
        "stages": [row.stages for row in rows],
        "register_bits": [row.register_bits for row in rows],
        "latency_ns": [row.stages * period for row in rows],
    }


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
    accuracy, exact, guess = value.accuracy, value.simulated, value.estimates
    lines = [
        "# Trigger tagger: latency report",
        "",
        f"{description} ({', '.join(value.seen.features)}), {network.weights} weights of which "
        f"{100 * network.sparsity:.1f} % are "
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
        f"{percent(value.accuracy_loss_from_quantisation)} (same jets; {value.paired.float_only} "
        f"jets are recognised by the float network alone, {value.paired.quantised_only} by the "
        f"quantised one alone, p = {value.paired.p_value:.2g}). Published for the same "
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
        f"estimate), no DSP, no block RAM; {value.bit_operations} effective bit operations.",
        "",
        f"By the post-route reports of published designs ({guess.source}), an estimate: "
        f"{guess.luts[0]:.0f} to {guess.luts[1]:.0f} LUTs, at most "
        f"{100 * guess.luts[1] / guess.part_luts:.2g} % of a VU13P; at cutoff "
        f"{guess.latency_cutoff:g} {guess.cycles} cycles of "
        f"{guess.clock_period_ns[0]:g} to {guess.clock_period_ns[1]:g} ns, which is "
        f"{guess.latency_ns[0]:.0f} to {guess.latency_ns[1]:.0f} ns.",
        "",
    ]
    return "\n".join(lines)
