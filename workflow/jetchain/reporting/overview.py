"""The headline figure: from the mass peaks of the jets to limits and firmware, in six panels."""

from __future__ import annotations

from jetchain.core.histograms import load_histograms
from jetchain.core.io.tables import read_csv, read_result
from jetchain.core.schema.anomaly import SearchMetrics
from jetchain.core.schema.background import Normalisation, SpectrumFits
from jetchain.core.schema.firmware import FirmwareReport
from jetchain.core.schema.inference import Limits
from jetchain.core.schema.tagging import TaggerMetrics
from jetchain.core.style import label, new_figure, save_figure
from jetchain.core.verbs import Input, Inputs, Labels, Output
from jetchain.reporting.anomaly import draw_curves
from jetchain.reporting.background import draw_spectrum
from jetchain.reporting.checks import explain, marked
from jetchain.reporting.firmware import draw_accuracy
from jetchain.reporting.inference import draw_limits
from jetchain.reporting.jets import draw_classes
from jetchain.reporting.names import pair_title
from jetchain.reporting.tagging import draw_pair, ordered_pairs


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
    normalisation: Input,
    latency: Inputs,
    checks: Input,
    radius: float,
    searches: Labels,
    backgrounds: Labels,
    taggers: Labels,
    designs: Labels,
    pdf: Output,
    png: Output,
    data: Output,
) -> None:
    """Draw one panel of each of six rooms.

    Args:
        jets: histograms of the jets.
        metrics, roc: of the taggers.
        sic, anomaly: significance improvements, as curves and as figures of merit.
        spectra, fits: dijet mass before and after the cut of a method.
        limits: of every method.
        normalisation: of the search, with the injected cross-section.
        latency: reports of the firmware designs.
        checks: of the search; methods that fail one are marked.
        radius: of the jets whose histograms are drawn.
        searches, backgrounds: displayed names of the methods, and of those with a limit.
        taggers: their displayed names.
        designs: those of the firmware, in the order of their reports.
        pdf, png, data: where to draw to, and where to write what is drawn.
    """
    figure, axes = new_figure(2, 3, size=(22, 12))
    histograms = load_histograms(jets)
    draw_classes(axes[0, 0], histograms, "reconstructed", "msd")
    axes[0, 0].legend(ncols=2)
    label(axes[0, 0], right=f"jets: soft-drop mass, R = {radius:.1f}")
    results = [read_result(path, TaggerMetrics) for path in metrics]
    pair = ordered_pairs(results[0])[0]
    draw_pair(axes[0, 1], pair, results, [read_csv(path) for path in roc], taggers)
    axes[0, 1].legend(loc="lower left")
    label(axes[0, 1], right=f"tagging: {pair_title(pair)}")
    names = marked(searches, checks)
    draw_curves(axes[0, 2], read_csv(sic), read_result(anomaly, SearchMetrics), names)
    label(axes[0, 2], right="anomaly search: significance improvement")
    fitted = read_result(fits, SpectrumFits)
    draw_spectrum(axes[1, 0], None, read_csv(spectra), fitted)
    axes[1, 0].set_xlabel(r"Dijet mass $m_{JJ}$ [TeV]")
    label(axes[1, 0], right=f"background: {backgrounds[fitted.method]}'s cut and fit of the mass")
    draw_limits(
        axes[1, 1],
        [read_result(path, Limits) for path in limits],
        marked(backgrounds, checks),
        read_result(normalisation, Normalisation),
    )
    label(axes[1, 1], right="inference: CLs limits")
    explain(axes[1, 1], marked(backgrounds, checks))
    reports = [read_result(path, FirmwareReport) for path in latency]
    draw_accuracy(axes[1, 2], reports, [*designs.values()])
    label(axes[1, 2], right="firmware: float network to Verilog")
    save_figure(figure, pdf, png, data)
