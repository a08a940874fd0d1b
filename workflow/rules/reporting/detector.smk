# Figures of the detector room.


rule figure_detector_response:
    input:
        summaries=expand(
            "results/detector/{sample}/summary.json",
            sample=CONFIG.detector.summary_samples,
        ),
    output:
        png=report(
            "results/reporting/detector/detector_response.png",
            caption="../../report/detector_response.rst",
            category="Detector",
            labels={"figure": "Calorimeter response"},
        ),
        pdf="results/reporting/detector/detector_response.pdf",
    log:
        "results/logs/reporting/detector/detector_response.log",
    threads: 1
    params:
        code=code_digest("reporting.detector.response"),
    shell:
        launch("reporting.detector.response")


rule figure_detector_layers:
    input:
        summaries=expand(
            "results/detector/{sample}/summary.json",
            sample=CONFIG.detector.summary_samples,
        ),
    output:
        png=report(
            "results/reporting/detector/detector_layers.png",
            caption="../../report/detector_layers.rst",
            category="Detector",
            labels={"figure": "Energy by layer"},
        ),
        pdf="results/reporting/detector/detector_layers.pdf",
    log:
        "results/logs/reporting/detector/detector_layers.log",
    threads: 1
    params:
        code=code_digest("reporting.detector.layers"),
    shell:
        launch("reporting.detector.layers")


rule figure_detector_objects:
    input:
        histograms=expand(
            "results/detector/{sample}/histograms.json",
            sample=CONFIG.detector.summary_samples,
        ),
    output:
        png=report(
            "results/reporting/detector/detector_objects.png",
            caption="../../report/detector_objects.rst",
            category="Detector",
            labels={"figure": "Tracks and clusters"},
        ),
        pdf="results/reporting/detector/detector_objects.pdf",
    log:
        "results/logs/reporting/detector/detector_objects.log",
    threads: 1
    params:
        code=code_digest("reporting.detector.objects"),
    shell:
        launch("reporting.detector.objects")


rule figure_detector_impact:
    input:
        histograms=expand(
            "results/detector/{sample}/histograms.json",
            sample=CONFIG.detector.summary_samples,
        ),
    output:
        png=report(
            "results/reporting/detector/detector_impact.png",
            caption="../../report/detector_impact.rst",
            category="Detector",
            labels={"figure": "Impact parameters"},
        ),
        pdf="results/reporting/detector/detector_impact.pdf",
    log:
        "results/logs/reporting/detector/detector_impact.log",
    threads: 1
    params:
        code=code_digest("reporting.detector.impact"),
    shell:
        launch("reporting.detector.impact")


rule figure_detector_display:
    input:
        event=f"results/detector/{CONFIG.detector.display_sample}/display.json",
    output:
        png=report(
            "results/reporting/detector/detector_display.png",
            caption="../../report/detector_display.rst",
            category="Detector",
            labels={"figure": "Event display"},
        ),
        pdf="results/reporting/detector/detector_display.pdf",
    log:
        "results/logs/reporting/detector/detector_display.log",
    threads: 1
    params:
        code=code_digest("reporting.detector.display"),
    shell:
        launch("reporting.detector.display")


TARGETS["reporting"] += expand(
    "results/reporting/detector/detector_{figure}.{type}",
    figure=["response", "layers", "objects", "impact", "display"],
    type=["png", "pdf"],
)
