"""The latency report: what the trigger tagger costs, how fast it is, what quantisation loses."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from jetchain.core import metrics
from jetchain.core.errors import DataError
from jetchain.core.io.atomic import atomic
from jetchain.core.io.tables import read_json, write_csv, write_json
from jetchain.core.io.tensors import read_tensors
from jetchain.core.seeds import derive_seed
from jetchain.core.verbs import Input, Output
from jetchain.firmware.performance import FIRMWARE_SCORES, balanced_accuracy
from jetchain.firmware.quantise import Array, FixedNetwork, read_network
from jetchain.firmware.settings import ReportSettings

# Accuracy at 16 constituents on the public five-class data set of arXiv 2402.01876 (quark, gluon,
# W, Z, top; another detector and other cuts, so beside our numbers and not against them).
PUBLISHED = {
    "source": "arXiv 2402.01876, 16 constituents",
    "accuracy": {"MLP": 0.684, "DeepSets": 0.694, "Interaction network": 0.708},
}


def report(
    *,
    float_performance: Input,
    quantised_performance: Input,
    float_scores: Input,
    quantised_scores: Input,
    hls_scores: Input,
    rtl_scores: Input,
    weights: Input,
    design: Input,
    hls: Input,
    rtl: Input,
    summary: Output,
    scan: Output,
    bits: Output,
    text: Output,
    settings: ReportSettings,
    seed: int,
) -> None:
    """Gather accuracy, exactness, cycles and budgets as JSON, CSV and Markdown."""
    described = read_json(design)
    measured = read_json(rtl)
    network = read_network(weights, settings.network)
    stages = {
        "floating": read_tensors(float_scores, FIRMWARE_SCORES),
        "quantised": read_tensors(quantised_scores, FIRMWARE_SCORES),
        "hls": read_tensors(hls_scores, FIRMWARE_SCORES),
        "rtl": read_tensors(rtl_scores, FIRMWARE_SCORES),
    }
    label = stages["floating"]["label"]
    if any(not np.array_equal(label, stage["label"]) for stage in stages.values()):
        raise DataError(
            f"{float_scores} and {quantised_scores} hold different jets.",
            "One of them is from another run. Remove both and run the same command again.",
        )
    logits = {name: stage["logits"] for name, stage in stages.items()}
    replicas = settings.evaluation.replicas
    loss = metrics.bootstrap(
        lambda y, one, two: balanced_accuracy(y, one) - balanced_accuracy(y, two),
        label, logits["floating"], logits["quantised"],
        replicas=replicas, seed=derive_seed(seed, "loss"),
    )  # fmt: skip
    period = settings.device.clock_period
    cycles = measured["latency_cycles"]
    interval = measured["initiation_interval_cycles"]
    value: dict[str, Any] = {
        "accuracy": {
            # One seed for all: the same replicas, so that equal outputs have equal errors.
            name: asdict(
                metrics.bootstrap(
                    balanced_accuracy, label, scores,
                    replicas=replicas, seed=derive_seed(seed, "accuracy"),
                )
            )
            for name, scores in logits.items()
        },
        "accuracy_loss_from_quantisation": asdict(loss),
        "auc": {
            "floating": read_json(float_performance)["auc"],
            "quantised": read_json(quantised_performance)["auc"],
        },
        "test_jets": len(label),
        "published": PUBLISHED,
        "network": {
            "widths": [len(network.weights[0]), *(len(bias) for bias in network.biases)],
            "weights": int(sum(weight.size for weight in network.weights)),
            "sparsity": network.sparsity,
        },
        "simulated": {
            "hls": read_json(hls),
            "rtl": {name: measured[name] for name in ("vectors", "outputs", "differing")},
        },
        "latency": {
            "cycles_measured": cycles,
            "cycles_predicted": described["predicted_latency_cycles"],
            "initiation_interval_measured": interval,
            "clock_period_ns": period,
            "latency_ns": cycles * period,
            "interval_ns": interval * period,
        },
        "budget": {
            "bunch_spacing_ns": settings.budget.bunch_spacing,
            "latency_ns": settings.budget.latency,
            "keeps_up": bool(interval * period <= settings.budget.bunch_spacing),
            "in_time": bool(cycles * period <= settings.budget.latency),
        },
        "design": {
            "latency_cutoff": described["latency_cutoff"],
            "register_bits": described["register_bits"],
            "estimated_luts": described["estimated_luts"],
            "part": settings.device.part,
        },
    }  # fmt: skip
    write_json(summary, value)
    write_csv(scan, scan_table(described["scan"], period))
    write_csv(bits, weight_bits(network))
    with atomic(text) as temporary:
        temporary.write_text(markdown(value, described["scan"]), encoding="utf-8")


def scan_table(rows: list[dict[str, Any]], period: float) -> dict[str, list[float]]:
    """The pipelines that were tried, as columns; the clock's period in ns."""
    columns = {
        name: [row[name] for row in rows] for name in ("latency_cutoff", "stages", "register_bits")
    }
    return columns | {"latency_ns": [row["stages"] * period for row in rows]}


def significant_bits(values: Array) -> np.ndarray:
    """Bits that a fixed-point number needs as a factor: the binary length of its odd part.

    0 for zero, 1 for a power of two (a shift in hardware), and so on; the sign is not counted.

    Args:
        values: any shape, multiples of 2^-24.
    """
    integers = np.abs(np.round(np.asarray(values) * 2.0**24)).astype(np.int64)
    odd = integers // np.maximum(integers & -integers, 1)
    return np.where(integers == 0, 0, np.ceil(np.log2(odd + 1.0))).astype(np.int64)


def weight_bits(network: FixedNetwork) -> dict[str, list[int]]:
    """Number of weights by layer and by significant bits."""
    columns: dict[str, list[int]] = {"layer": [], "bits": [], "weights": []}
    per_layer = [significant_bits(weight).ravel() for weight in network.weights]
    largest = max(int(values.max()) for values in per_layer)
    for layer, values in enumerate(per_layer):
        for bits, count in enumerate(np.bincount(values, minlength=largest + 1)):
            columns["layer"].append(layer)
            columns["bits"].append(bits)
            columns["weights"].append(int(count))
    return columns


def markdown(value: dict[str, Any], scan: list[dict[str, Any]]) -> str:
    """The report as a page to read."""

    def percent(estimate: dict[str, float]) -> str:
        return f"{100 * estimate['value']:.1f} ± {100 * estimate['std']:.1f} %"

    latency, budget, network = value["latency"], value["budget"], value["network"]
    exact = value["simulated"]
    lines = [
        "# Trigger tagger: latency report",
        "",
        f"Perceptron {'-'.join(map(str, network['widths']))}, {network['weights']} weights of "
        f"which {100 * network['sparsity']:.1f} % are zero; {value['test_jets']} test jets.",
        "",
        "| stage | balanced accuracy | outputs that differ from the quantised network |",
        "|---|---|---|",
        f"| float network (dense) | {percent(value['accuracy']['floating'])} | |",
        f"| quantised, pruned network | {percent(value['accuracy']['quantised'])} | |",
        f"| HLS project, C simulation | {percent(value['accuracy']['hls'])} "
        f"| {exact['hls']['differing']} of {exact['hls']['outputs']} |",
        f"| Verilog, Verilator simulation | {percent(value['accuracy']['rtl'])} "
        f"| {exact['rtl']['differing']} of {exact['rtl']['outputs']} |",
        "",
        "Lost by quantisation and pruning: "
        f"{percent(value['accuracy_loss_from_quantisation'])} (same jets). Published for the same "
        f"task on another data set ({value['published']['source']}): "
        + ", ".join(f"{n} {100 * a:.1f} %" for n, a in value["published"]["accuracy"].items())
        + ".",
        "",
        "| timing of the Verilog | cycles | ns | budget |",
        "|---|---|---|---|",
        f"| latency (measured; da4ml predicts {latency['cycles_predicted']}) "
        f"| {latency['cycles_measured']} | {latency['latency_ns']:g} "
        f"| {budget['latency_ns']:g} ns: {'met' if budget['in_time'] else 'NOT met'} |",
        f"| initiation interval (measured) | {latency['initiation_interval_measured']} "
        f"| {latency['interval_ns']:g} "
        f"| {budget['bunch_spacing_ns']:g} ns: {'met' if budget['keeps_up'] else 'NOT met'} |",
        "",
        "Cycles are counted from the clock edge that takes an input in to the edge that gives its "
        f"output. Nanoseconds are at the clock period asked for, {latency['clock_period_ns']:g} "
        "ns; that the chip reaches it is not proven here: that needs the vendor's place and route, "
        "for which the archive holds the scripts.",
        "",
        "| latency cutoff (adder delays) | pipeline stages | register bits |",
        "|---|---|---|",
        *(
            f"| {row['latency_cutoff']:g} | {row['stages']} | {row['register_bits']} |"
            for row in scan
        ),
        "",
        f"The design simulated has cutoff {value['design']['latency_cutoff']:g}; da4ml's cost "
        f"model gives {value['design']['estimated_luts']:.0f} LUTs (an "
        "estimate), no DSP, no block RAM.",
        "",
    ]
    return "\n".join(lines)
