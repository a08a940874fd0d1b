"""Figures of the trigger tagger: accuracy and latency, weights and pruning, ROC curves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from jetchain.core.io.tables import read_csv, read_result
from jetchain.core.schema.firmware import FirmwareReport
from jetchain.core.style import (
    COLOURS,
    LINES,
    MARKERS,
    label,
    legend_below,
    new_figure,
    save_figure,
    style_of,
)
from jetchain.core.verbs import Input, Inputs, Labels, Output

STAGES = {
    "floating": "float network",
    "quantised": "quantised\nand pruned",
    "hls": "HLS project\n(C simulation)",
    "rtl": "Verilog\n(Verilator)",
}


def summary(
    *, latency: Inputs, scan: Inputs, names: Labels, pdf: Output, png: Output, data: Output
) -> None:
    """Accuracy from the float network to the Verilog, and cycles against registers.

    Args:
        latency: JSON of firmware.report, one a design.
        scan: CSV of the pipelines with other latency cutoffs, one a design.
        names: of the designs, in this order.
    """
    reports = [read_result(path, FirmwareReport) for path in latency]
    figure, (left, right) = new_figure(1, 2, size=(15.0, 5.8))
    draw_accuracy(left, reports, [*names.values()])
    _latency(right, reports, [read_csv(path) for path in scan], [*names.values()])
    save_figure(figure, pdf, png, data)


def draw_accuracy(ax: Axes, reports: Sequence[FirmwareReport], names: Sequence[str]) -> None:
    """One panel: the accuracy from the float network to the Verilog, side by side by design."""
    for index, (value, name) in enumerate(zip(reports, names, strict=True)):
        style = style_of(index)
        estimates = [value.accuracy[stage] for stage in STAGES]
        percent = 100 * np.array([(each.value, each.low, each.high) for each in estimates])
        places = np.arange(len(STAGES)) + 0.6 * ((index + 0.5) / len(reports) - 0.5)
        ax.errorbar(
            places,
            percent[:, 0],
            yerr=np.abs(percent[:, 1:] - percent[:, :1]).T,
            fmt=style.marker,
            markersize=9,
            capsize=5,
            color=style.colour,
            label=name,
        )
        for place, accuracy in zip(places, percent[:, 0], strict=True):
            ax.annotate(
                f"{accuracy:.1f} %", (place, accuracy), xytext=(12, 0),
                textcoords="offset points", va="center", fontsize=12,
            )  # fmt: skip
    published = reports[0].published
    for line, (name, accuracy) in enumerate(
        sorted(published.accuracy.items(), key=lambda item: -item[1])
    ):
        ax.axhline(
            100 * accuracy, color="0.45", ls=style_of(line + 1).line, lw=1.3,
            label=f"{name}, {100 * accuracy:.1f} %",
        )  # fmt: skip
    values = [100 * value.accuracy[stage].value for value in reports for stage in STAGES]
    values += [100 * accuracy for accuracy in published.accuracy.values()]
    bottom = min(values) - 4.0
    ax.set(
        xlim=(-0.5, len(STAGES) - 0.3),
        # Room for the legend.
        ylim=(bottom, bottom + (1.3 + 0.15 * len(reports)) * (max(values) - bottom)),
        ylabel="Class-balanced accuracy [%]",
    )
    ax.set_xticks(range(len(STAGES)), list(STAGES.values()), fontsize=12)
    ax.tick_params(axis="x", which="minor", bottom=False, top=False)
    ax.legend(
        title=f"{published.source},\nanother data set (published)",
        title_fontsize=11,
        loc="upper left",
        ncols=1,
    )
    simulations = [each for value in reports for each in (value.simulated.rtl, value.simulated.hls)]
    differing = sum(each.differing for each in simulations)
    outputs = sum(each.outputs for each in simulations)
    ax.text(
        0.97, 0.95, f"{differing} of {outputs} simulated\noutputs differ",
        transform=ax.transAxes, ha="right", va="top", fontsize=12,
    )  # fmt: skip
    label(ax, "simulation", right=f"{reports[0].test_jets} test jets")


def _latency(
    ax: Axes,
    reports: Sequence[FirmwareReport],
    scans: Sequence[dict[str, np.ndarray]],
    names: Sequence[str],
) -> None:
    told = []
    for index, (value, scan, name) in enumerate(zip(reports, scans, names, strict=True)):
        style = style_of(index)
        ax.plot(
            scan["stages"], scan["register_bits"] / 1e3, ls=style.line, marker=style.marker,
            color=style.colour, label=f"{name}, pipelines traced only",
        )  # fmt: skip
        for stages, bits, cutoff in zip(
            scan["stages"], scan["register_bits"] / 1e3, scan["latency_cutoff"], strict=True
        ):
            ax.annotate(
                f"cutoff {cutoff:g}", (stages, bits), xytext=(-8, 6) if index % 2 else (8, -14),
                textcoords="offset points", ha="right" if index % 2 else "left", fontsize=11,
            )  # fmt: skip
        measured = value.latency
        ax.plot(
            measured.cycles_measured, value.design.register_bits / 1e3, MARKERS[7],
            markersize=16, color=style.colour, ls="none",
            label=f"{name}, measured by Verilator: {measured.cycles_measured} cycles,\n"
            f"a new input every {_clocks(measured.initiation_interval_measured)}",
        )  # fmt: skip
        told.append(
            f"{name}, latency {measured.latency_ns:g} ns, budget {value.budget.latency_ns:g} ns\n"
            f"interval {measured.interval_ns:g} ns, collisions every "
            f"{value.budget.bunch_spacing_ns:g} ns"
        )
    cycles = [value.latency.cycles_measured for value in reports]
    ax.set(
        xlim=(0, 1.22 * max(*(stages for scan in scans for stages in scan["stages"]), *cycles)),
        ylim=(0, 1.8 * max(scan["register_bits"].max() for scan in scans) / 1e3),
        xlabel="Latency [clock cycles]",
        ylabel=r"Pipeline registers [$10^{3}$ bits]",
    )
    period = reports[0].latency.clock_period_ns
    ax.text(
        0.97, 0.97, "\n".join([f"at {period:g} ns a cycle (asked for, not proven):", *told]),
        transform=ax.transAxes, ha="right", va="top", fontsize=12,
    )  # fmt: skip
    ax.legend(loc="upper left")
    label(ax, "simulation", right=reports[0].design.part)


def _clocks(interval: int) -> str:
    return "clock" if interval == 1 else f"{interval} clocks"


def weights(*, bits: Input, history: Input, pdf: Output, png: Output, data: Output) -> None:
    """Significant bits of the weights by layer, and loss and sparsity over the training.

    Args:
        bits: CSV of firmware.report.
        history: CSV of the training of the quantised network.
    """
    table, epochs = read_csv(bits), read_csv(history)
    figure, (left, right) = new_figure(1, 2, size=(15.0, 5.8))
    widths = np.unique(table["bits"])
    layers = np.unique(table["layer"]).astype(int)
    room = 0.8 / len(layers)
    for layer in layers:
        count = table["weights"][table["layer"] == layer]
        left.bar(
            widths + (layer - (len(layers) - 1) / 2) * room,
            100 * count / count.sum(),
            width=room,
            color=style_of(layer).colour,
            edgecolor="black",
            lw=0.8,
            label=f"layer {layer + 1}: {int(count.sum())} weights",
        )
    zero = table["weights"][table["bits"] == 0].sum() / table["weights"].sum()
    left.text(
        0.97, 0.96, f"{100 * zero:.1f} % of all weights are zero",
        transform=left.transAxes, ha="right", va="top", fontsize=12,
    )  # fmt: skip
    left.set(
        yscale="log",
        ylim=(0.1, 100),
        xlabel="Significant bits, sign not counted (0: pruned, 1: a shift)",
        ylabel="Part of the layer's weights [%]",
    )
    left.set_xticks(widths)
    left.tick_params(axis="x", which="minor", bottom=False, top=False)
    legend_below(left, len(layers))
    label(left, "quantised network")
    right.plot(epochs["epoch"], epochs["train_loss"], ls=LINES[0], label="training loss")
    right.plot(epochs["epoch"], epochs["validation_loss"], ls=LINES[1], label="validation loss")
    right.set(xlabel="Epoch", ylabel="Class-balanced cross-entropy")
    twin = right.twinx()
    twin.plot(
        epochs["epoch"], 100 * epochs["sparsity"], ls=LINES[3], color=COLOURS[2],
        label="sparsity asked for (right axis)",
    )  # fmt: skip
    twin.set(ylim=(0, 100), ylabel="Pruned weights [%]")
    lines = [*right.get_lines(), *twin.get_lines()]
    legend_below(right, len(lines), handles=lines)
    label(right, "quantised network")
    save_figure(figure, pdf, png, data)


def roc(
    *, floating: Input, quantised: Input, latency: Input, pdf: Output, png: Output, data: Output
) -> None:
    """ROC curve of each class against the others, float and quantised.

    Args:
        floating, quantised: CSV of the two trainings.
        latency: JSON of firmware.report, for the areas.
    """
    curves = {"floating": read_csv(floating), "quantised": read_csv(quantised)}
    areas = read_result(latency, FirmwareReport).auc
    figure, ax = new_figure(size=(8.2, 6.4))
    classes = [name for name in curves["floating"] if name != "signal_efficiency"]
    for index, name in enumerate(classes):
        for kind, line in (("floating", LINES[0]), ("quantised", LINES[1])):
            table = curves[kind]
            shown = table[name] > 0
            ax.plot(
                table["signal_efficiency"][shown], table[name][shown], ls=line,
                color=style_of(index).colour, lw=1.4 if kind == "floating" else 2.2,
                label=f"{name}: AUC {areas['floating'][name].value:.3f} float, "
                f"{areas['quantised'][name].value:.3f} $\\pm$ "
                f"{areas['quantised'][name].std:.3f} quantised"
                if kind == "quantised" else None,
                gid=f"{name}, {kind}",
            )  # fmt: skip
    ax.plot([], [], color="black", ls=LINES[0], lw=1.4, label="solid: float network")
    ax.plot([], [], color="black", ls=LINES[1], lw=2.2, label="dashed: quantised and pruned")
    ax.set(
        xlim=(0, 1),
        ylim=(8e-4, 1),
        yscale="log",
        xlabel="Efficiency of the class",
        ylabel="Efficiency of all other classes",
    )
    ax.legend(loc="lower right", fontsize=10)
    label(ax, "simulation")
    save_figure(figure, pdf, png, data)
