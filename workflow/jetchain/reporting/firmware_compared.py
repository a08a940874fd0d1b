"""The firmware designs beside each other and beside published ones: a table, and accuracy
against LUTs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter

from jetchain.core.io.tables import read_json, read_result, write_csv
from jetchain.core.schema.base import Estimate
from jetchain.core.schema.firmware import (
    FirmwareReport,
    FirmwareTimes,
    MappedDesign,
    ScanPoint,
    TreesReport,
)
from jetchain.core.style import label, new_figure, save_figure, style_of
from jetchain.core.verbs import Inputs, Labels, Output, Resource


def comparison(
    *,
    latency: Inputs,
    trees: Inputs,
    published: Resource,
    times: Resource,
    names: Labels,
    table: Output,
) -> None:
    """Every design of the run above the published ones, each row with how it was obtained.

    Args:
        latency: JSON of firmware.report, one a design.
        trees: JSON of firmware.report_trees; may be none.
        published: designs on other data.
        times: what a jet takes on a processor (`FirmwareTimes`), measured once.
        names: of the designs, in this order.
    """
    reports = [read_result(path, FirmwareReport) for path in latency]
    spent = read_result(times, FirmwareTimes)
    rows = [
        _own(value, name) | _on_processor(spent, key)
        for value, (key, name) in zip(reports, names.items(), strict=True)
    ]
    rows += [_of_trees(read_result(path, TreesReport)) for path in trees]
    reference = read_json(published)
    for entry in (dict(zip(reference["columns"], row, strict=True)) for row in reference["rows"]):
        rows.append({
            "design": entry["design"], "constituents": str(entry["constituents"]),
            "features": "pT, eta, phi", "accuracy Verilog [%]": f"{entry['accuracy_percent']:.1f}",
            "latency estimated [ns]": _or_empty(entry["latency_ns"]),
            "LUTs estimated [k]": _or_empty(entry["luts_thousand"]),
            "obtained by": f"published, other data: {entry['source']}",
        })  # fmt: skip
    write_csv(table, {name: [row.get(name, "") for row in rows] for name in rows[0]})


def synthesis(*, cells: Inputs, latency: Inputs, names: Labels, table: Output) -> None:
    """What Yosys maps each design to, beside da4ml's cost and the band of routed designs.

    Args:
        cells: JSON of firmware.yosys, one a design.
        latency: JSON of firmware.report, of the same designs.
        names: of the designs, in this order.
    """
    rows = []
    for path, report, name in zip(cells, latency, names.values(), strict=True):
        value, guess = (
            read_result(path, MappedDesign),
            read_result(report, FirmwareReport).estimates,
        )
        rows.append({
            "design": name,
            "LUTs by Yosys": str(value.luts),
            "of 1 to 6 inputs": " / ".join(map(str, value.luts_by_inputs)),
            "LUTs by da4ml's cost": f"{value.estimated_luts:.0f}",
            "Yosys over da4ml": f"{value.luts / value.estimated_luts:.3f}",
            "LUTs estimated, routed": _band(guess.luts, ".0f"),
            "flip-flops": str(value.flip_flops),
            "register bits by da4ml": str(value.register_bits),
            "CARRY4": str(value.carries),
            "DSP": str(value.dsps),
            "block RAM": str(value.block_rams),
            "inverters": str(value.inverters),
            "other cells": ", ".join(f"{kind} {each}" for kind, each in value.others.items()),
            "LUTs by Yosys, share of a VU13P [%]": f"{100 * value.luts / guess.part_luts:.2f}",
            "obtained by": f"{value.yosys}, synth_xilinx -family xcup, neither placed nor routed: "
            "a site may hold two small LUTs, and routing adds some",
        })  # fmt: skip
    write_csv(table, {key: [row[key] for row in rows] for key in rows[0]})


def _own(value: FirmwareReport, name: str) -> dict[str, str]:
    network, guess, latency = value.network, value.estimates, value.latency
    bits = "/".join(str(network.bits[each]) for each in ("inputs", "weights", "activations"))
    paired = value.paired
    return {
        "design": name,
        "constituents": str(value.seen.constituents),
        "features": ", ".join(value.seen.features),
        "accuracy float [%]": _percent(value.accuracy["floating"]),
        "accuracy Verilog [%]": _percent(value.accuracy["rtl"]),
        "lost, paired [%]": _percent(value.accuracy_loss_from_quantisation),
        "right in one alone (float / Verilog), p": f"{paired.float_only} / "
        f"{paired.quantised_only}, {paired.p_value:.2g}",
        "AUC Verilog": _areas(value.auc["quantised"]),
        "bits of inputs/weights/activations": bits,
        "weights": str(network.weights),
        "zero weights [%]": f"{100 * network.sparsity:.1f}",
        "effective bit operations": str(value.bit_operations),
        "cycles": str(latency.cycles_measured),
        "interval [cycles]": str(latency.initiation_interval_measured),
        "latency at the clock asked for [ns]": f"{latency.latency_ns:g}",
        "latency estimated [ns]": _band(guess.latency_ns, ".0f"),
        "LUTs estimated [k]": _band([luts / 1e3 for luts in guess.luts], ".1f"),
        "share of a VU13P [%]": _band([100 * luts / guess.part_luts for luts in guess.luts], ".2f"),
        "obtained by": "this run: accuracy of the simulated Verilog, cycles by Verilator; LUTs and "
        "estimated ns from da4ml's cost and pipeline in the bands of post-route reports of "
        f"others ({guess.source}), the ns of a pipeline with cutoff {guess.latency_cutoff:g}",
    }


def _on_processor(spent: FirmwareTimes, design: str) -> dict[str, str]:
    """The float network on one core: one jet after the other, and many at once."""
    times = {"one jet": spent.alone, f"in batches of {spent.batch}": spent.batched}
    return {
        f"float network on a core of {spent.machine}, {how} [ns]": f"{each[design]:.3g}"
        if design in each
        else ""
        for how, each in times.items()
    }


def _of_trees(value: TreesReport) -> dict[str, str]:
    design, paired, vhdl = value.design, value.paired, value.simulated.vhdl
    row = {
        "design": f"Boosted trees, {design.trees} of depth {design.depth}",
        "constituents": str(value.seen.constituents),
        "features": ", ".join(value.seen.features),
        "accuracy float [%]": _percent(value.accuracy["floating"]),
        "accuracy Verilog [%]": _percent(value.accuracy["fixed"]),
        "lost, paired [%]": _percent(value.accuracy_loss),
        "right in one alone (float / Verilog), p": f"{paired.float_only} / "
        f"{paired.quantised_only}, {paired.p_value:.2g}",
        "AUC Verilog": _areas(value.auc),
        "bits of inputs/weights/activations": "/".join([str(design.bits)] * 3),
        "LUTs estimated [k]": f"{design.estimated_luts / 1e3:.1f}",
    }
    simulated = "the C++ emulation, for the VHDL was not simulated"
    if vhdl is not None:
        simulated = "the simulated VHDL, cycles by ghdl"
        time = vhdl.latency_cycles * value.clock_period_ns
        row |= {
            "cycles": str(vhdl.latency_cycles),
            "interval [cycles]": str(vhdl.initiation_interval_cycles),
            "latency at the clock asked for [ns]": f"{time:g}",
        }
    return row | {
        "obtained by": f"this run: accuracy of {simulated}; {design.comparisons} comparisons, of "
        f"which {design.distinct_comparisons} differ; LUTs by conifer's own fit (experimental), "
        "which does not know the bits"
    }


def _areas(auc: Mapping[str, Estimate]) -> str:
    return ", ".join(f"{key} {area.value:.3f} +- {area.std:.3f}" for key, area in auc.items())


def _percent(value: Estimate) -> str:
    return f"{100 * value.value:.1f} +- {100 * value.std:.1f}"


def _band(band: Sequence[float], spec: str) -> str:
    return f"{band[0]:{spec}} to {band[1]:{spec}}"


def _or_empty(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def pareto(
    *, latency: Inputs, published: Resource, names: Labels, pdf: Output, png: Output, data: Output
) -> None:
    """Accuracy of the Verilog against the LUTs, with published designs on other data.

    Args:
        latency: JSON of firmware.report, one a design.
        published: designs on other data.
        names: of the designs, in this order.
    """
    reference = read_json(published)
    figure, ax = new_figure(size=(9.6, 6.6))
    values = []
    for index, (path, name) in enumerate(zip(latency, names.values(), strict=True)):
        value = read_result(path, FirmwareReport)
        values.append(value)
        latency_ns = _band(value.estimates.latency_ns, ".0f")
        _point(
            ax, value.accuracy["rtl"], value.estimates.luts, index,
            f"{name}, {value.seen.constituents} constituents, {latency_ns} ns",
        )  # fmt: skip
    _published(ax, reference)
    band = _band(reference["calibration"]["luts_over_cost"], "g")
    _finish(ax, f"bars: {band} of da4ml's cost; bootstrap errors of the accuracy")
    label(ax, "simulation", right=f"{values[0].test_jets} test jets")
    save_figure(figure, pdf, png, data)


def scan(
    *, points: Inputs, published: Resource, names: Labels, pdf: Output, png: Output, data: Output
) -> None:
    """Accuracy against LUTs of every point of the scan, by design and constituents.

    Markers are full where weights are pruned, and open where they have learned their widths.

    Args:
        points: JSON of firmware.scan.measure.
        published: the band of the LUTs.
        names: of all designs.
    """
    found, band = _scanned(points, published)
    figure, ax = new_figure(size=(9.6, 6.6))
    series = sorted({(point.design, point.constituents) for point in found})
    for index, (design, constituents) in enumerate(series):
        own = [p for p in found if (p.design, p.constituents) == (design, constituents)]
        title = f"{names[design]}, {constituents} constituents"
        for point in own:
            luts = [ratio * point.estimated_luts for ratio in band]
            _point(
                ax, point.accuracy, luts, index, title if point is own[0] else None,
                learned=point.beta > 0.0,
            )  # fmt: skip
            ax.annotate(
                _smaller_by(point),
                (sum(luts) / 2e3, 100 * point.accuracy.value),
                xytext=(6, -12), textcoords="offset points", fontsize=10,
            )  # fmt: skip
    middle = sum(band) / 2  # where the points are drawn
    best = front([(middle * p.estimated_luts, p.accuracy.value) for p in found])
    ax.plot(
        [luts / 1e3 for luts, _ in best], [100 * accuracy for _, accuracy in best],
        color="0.3", ls=":", lw=1.2, zorder=0, label="Pareto front",
    )  # fmt: skip
    _finish(
        ax,
        "full: weights pruned [%]; open: widths learned at this $\\beta$\n"
        "accuracy of da4ml's logic, bit for bit",
    )
    label(ax, "simulation")
    save_figure(figure, pdf, png, data)


def _scanned(points: Inputs, published: Path) -> tuple[list[ScanPoint], list[float]]:
    """Points by design, constituents, beta and sparsity; the band of LUTs over da4ml's cost."""
    found = [read_result(Path(path), ScanPoint) for path in points]
    found.sort(key=lambda point: (point.design, point.constituents, point.beta, point.sparsity))
    return found, read_json(published)["calibration"]["luts_over_cost"]


def _smaller_by(point: ScanPoint) -> str:
    """What made a point smaller than its dense design: the beta, or the part that is pruned."""
    return f"{point.beta:g}" if point.beta > 0.0 else f"{100 * point.sparsity:g} %"


def scan_points(*, points: Inputs, published: Resource, names: Labels, table: Output) -> None:
    """Every point of the scan as a row.

    Args:
        points: JSON of firmware.scan.measure.
        published: the band of the LUTs.
        names: of all designs.
    """
    found, band = _scanned(points, published)
    rows = [
        {
            "design": names[point.design],
            "constituents": str(point.constituents),
            "made smaller by": f"learned widths, beta {_smaller_by(point)}"
            if point.beta > 0.0
            else f"pruning, {_smaller_by(point)}",
            "zero weights [%]": f"{100 * point.zeros:.1f}",
            "accuracy [%]": _percent(point.accuracy),
            "lost to its float network, paired [%]": _percent(point.loss),
            "effective bit operations": str(point.bit_operations),
            "LUTs by da4ml's cost": f"{point.estimated_luts:.0f}",
            "LUTs estimated [k]": _band(
                [ratio * point.estimated_luts / 1e3 for ratio in band], ".1f"
            ),
            "cycles": str(point.calibrated.stages),
            "register bits": str(point.calibrated.register_bits),
        }
        for point in found
    ]
    write_csv(table, {name: [row[name] for row in rows] for name in rows[0]})


def front(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Of (cost, merit) those that no cheaper or equally cheap one surpasses, by rising cost."""
    best: list[tuple[float, float]] = []
    for cost, merit in sorted(points, key=lambda point: (point[0], -point[1])):
        if not best or merit > best[-1][1]:
            best.append((cost, merit))
    return best


def _point(
    ax: Axes,
    accuracy: Estimate,
    luts: Sequence[float],
    index: int,
    title: str | None,
    learned: bool = False,
) -> None:
    """One design: the middle of its band of LUTs, and its accuracy."""
    low, high = (value / 1e3 for value in luts)
    style = style_of(index)
    ax.errorbar(
        (low + high) / 2,
        100 * accuracy.value,
        xerr=(high - low) / 2,
        yerr=[
            [100 * (accuracy.value - accuracy.low)],
            [100 * (accuracy.high - accuracy.value)],
        ],
        fmt=style.marker, color=style.colour, markersize=9, capsize=3, label=title,
        mfc="white" if learned else style.colour,
    )  # fmt: skip


def _published(ax: Axes, reference: Mapping[str, Any]) -> None:
    rows = [dict(zip(reference["columns"], row, strict=True)) for row in reference["rows"]]
    shown = [row for row in rows if row["luts_thousand"] is not None]
    for index, name in enumerate(dict.fromkeys(row["design"] for row in shown)):
        own = [row for row in shown if row["design"] == name]
        luts, accuracy = (
            np.array([row[key] for row in own]) for key in ("luts_thousand", "accuracy_percent")
        )
        ax.plot(
            luts, accuracy, ls="none", marker=style_of(index + 4).marker, mfc="none", color="0.5",
            markersize=8, label=f"{name} (published, other data)",
        )  # fmt: skip
        for row, x, y in zip(own, luts, accuracy, strict=True):
            ax.annotate(
                str(row["constituents"]), (x, y), xytext=(7, -3), textcoords="offset points",
                fontsize=10, color="0.4",
            )  # fmt: skip


def _finish(ax: Axes, note: str) -> None:
    low, high = ax.get_ylim()
    ax.set_xscale("log")
    left, right = ax.get_xlim()
    ticks = [digit * 10.0**power for power in range(-2, 5) for digit in (1, 2, 5)]
    shown = [tick for tick in ticks if left <= tick <= right]
    ax.set_xticks(shown, [f"{tick:g}" for tick in shown])
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set(
        xlim=(left, right),
        ylim=(low, high + 0.4 * (high - low)),  # room for the legend
        xlabel=r"LUTs of the chip, estimated [$10^{3}$]",
        ylabel="Class-balanced accuracy [%]",
    )
    ax.text(0.97, 0.03, note, transform=ax.transAxes, ha="right", va="bottom", fontsize=10)
    ax.legend(loc="upper left", fontsize=10)
