"""From trigger to limit: what a firmware design in front of the search costs it."""

from __future__ import annotations

from itertools import product

from jetchain.core.io.tables import read_result
from jetchain.core.schema.firmware import FirmwareReport
from jetchain.core.schema.scan import Measurement
from jetchain.core.schema.trigger import TriggerPoint
from jetchain.core.style import label, label_points, legend_size, new_figure, save_figure, style_of
from jetchain.core.verbs import Inputs, Labels, Output

LINEAR = 20.0
"""Of the limit that is lost, fb: up to here its axis is linear, beyond logarithmic."""


def firmware_trigger(
    *,
    points: Inputs,
    measurements: Inputs,
    latency: Inputs,
    names: Labels,
    methods: Labels,
    pdf: Output,
    png: Output,
    data: Output,
) -> None:
    """Expected limit against the accepted cross-section, and what is lost against the LUTs.

    Args:
        points: TriggerPoint by design and rate.
        measurements: Measurement by design, rate and method.
        latency: FirmwareReport of each design.
        names, methods: displayed, in these orders.
    """
    found = [read_result(path, TriggerPoint) for path in points]
    limits = dict(
        zip(
            product(range(len(found)), methods),
            (_expected(read_result(path, Measurement)) for path in measurements),
            strict=True,
        )
    )
    reports = {
        name: read_result(path, FirmwareReport) for name, path in zip(names, latency, strict=True)
    }
    figure, (left, right) = new_figure(1, 2, size=(15.0, 6.4))
    shares: list[tuple[tuple[float, float], str, str]] = []
    for index, (design, method) in enumerate(product(names, methods)):
        own = [
            (point, limit)
            for place, point in enumerate(found)
            if point.design == design and (limit := limits[place, method]) is not None
        ]
        own.sort(key=lambda pair: pair[0].accepted_fb)
        style = style_of(index)
        shown = {"color": style.colour, "marker": style.marker, "markersize": 7}
        title = f"{names[design]}, {methods[method]}"
        left.plot(
            [point.accepted_fb for point, _ in own], [limit for _, limit in own],
            ls="-", label=title, **shown,
        )  # fmt: skip
        whole = [limit for point, limit in own if point.threshold is None]
        luts = sum(reports[design].estimates.luts) / 2e3
        behind = [(point, limit) for point, limit in own if point.threshold is not None]
        if not whole or not behind:
            continue
        right.plot(
            [luts] * len(behind), [limit - whole[0] for _, limit in behind],
            ls="none", label=_numbers(reports[design], title), **shown,
        )  # fmt: skip
        shares += [
            ((luts, limit - whole[0]), f"{100 * point.accepted:.2g} %", style.colour)
            for point, limit in behind
        ]
    left.set(
        xscale="log",
        xlabel="Cross-section of the background past the trigger [fb]",
        ylabel="Expected limit on the signal [fb]",
    )
    right.axhline(0.0, color="0.5", lw=1.0)
    right.set_yscale("symlog", linthresh=LINEAR)
    right.set(
        xlabel=r"LUTs of the chip, estimated [$10^{3}$]", ylabel="Limit lost to the trigger [fb]"
    )
    right.margins(x=0.3)
    low, high = left.get_ylim()
    left.set_ylim(low, high + 0.35 * (high - low))  # room for the legends
    right.set_ylim(top=20 * max(right.get_ylim()[1], LINEAR))
    for ax in (left, right):
        ax.legend(loc="upper left", fontsize=legend_size(len(names) * len(methods)))
    places, texts, colours = zip(*shares, strict=True) if shares else ((), (), ())
    label_points(right, places, texts, colours)
    label(left, "simulation", right="rightmost points: no trigger")
    label(right, "simulation", right="numbers: accepted share of the data")
    save_figure(figure, pdf, png, data)


def _expected(value: Measurement) -> float | None:
    """Median expected limit, fb; none where there is no limit."""
    return value.limits.expected_fb[2]


def _numbers(report: FirmwareReport, title: str) -> str:
    bits = "/".join(str(report.network.bits[each]) for each in ("inputs", "weights", "activations"))
    return f"{title}: {bits} bits, {report.latency.cycles_measured} cycles"
