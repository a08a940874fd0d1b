"""The headline figure: from the mass peaks of the jets to limits and firmware, in six panels."""

from __future__ import annotations

from jetchain.core.histograms import load_histograms
from jetchain.core.io.tables import read_csv, read_json, read_result
from jetchain.core.schema.firmware import FirmwareReport
from jetchain.core.schema.tagging import TaggerMetrics
from jetchain.core.style import label, new_figure, save_figure
from jetchain.core.verbs import Input, Inputs, Labels, Output
from jetchain.reporting.anomaly import draw_curves
from jetchain.reporting.background import draw_spectrum
from jetchain.reporting.firmware import draw_accuracy
from jetchain.reporting.inference import draw_limits
from jetchain.reporting.jets import draw_classes
from jetchain.reporting.tagging import draw_pair


def overview(
    *,
    jets: Input,
    metrics: Inputs,
    roc: Inputs,
    sic: Input,
    anomaly: Input,
    spectra: Input,
    fits: Input,
    limits: Inputs,
    latency: Input,
    taggers: Labels,
    pdf: Output,
    png: Output,
    data: Output,
) -> None:
    """Draw one panel of each of six rooms.

    Args:
        jets: histograms of the jets.
        metrics, roc: of the taggers.
        sic, anomaly: significance improvements, as curves and as figures of merit.
        spectra, fits: dijet mass before and after CATHODE's cut.
        limits: of every method.
        latency: report of the first firmware design.
        taggers: their displayed names.
        pdf, png, data: where to draw to, and where to write what is drawn.
    """
    figure, axes = new_figure(2, 3, size=(22, 12))
    histograms = load_histograms(jets)
    draw_classes(axes[0, 0], histograms, "reconstructed", "msd")
    axes[0, 0].legend(ncols=2)
    label(axes[0, 0], right="jets: soft-drop mass, R = 0.8")
    results = [read_result(path, TaggerMetrics) for path in metrics]
    draw_pair(axes[0, 1], "top_vs_QCD", results, [read_csv(path) for path in roc], taggers)
    axes[0, 1].legend(loc="lower left")
    label(axes[0, 1], right="tagging: top against QCD")
    draw_curves(axes[0, 2], read_csv(sic), read_json(anomaly))
    label(axes[0, 2], right="anomaly search: significance improvement")
    draw_spectrum(axes[1, 0], None, read_csv(spectra), read_json(fits))
    axes[1, 0].set_xlabel(r"Dijet mass $m_{JJ}$ [TeV]")
    label(axes[1, 0], right="background: CATHODE's cut and sideband fit")
    draw_limits(axes[1, 1], [read_json(path) for path in limits])
    label(axes[1, 1], right="inference: CLs limits")
    draw_accuracy(axes[1, 2], [read_result(latency, FirmwareReport)], [""])
    label(axes[1, 2], right="firmware: float network to Verilog")
    save_figure(figure, pdf, png, data)
