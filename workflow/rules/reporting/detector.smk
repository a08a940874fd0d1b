# Figures of the detector room.


rule figure_detector_response:
    input:
        summaries=expand(
            "results/detector/{sample}/summary.json",
            sample=CONFIG.detector.summary_samples,
        ),
    output:
        **figure(
            "detector/detector_response",
            "Detector",
            {"figure": "Calorimeter response"},
        ),
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
        **figure("detector/detector_layers", "Detector", {"figure": "Energy by layer"}),
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
        **figure(
            "detector/detector_objects", "Detector", {"figure": "Tracks and clusters"}
        ),
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
        **figure(
            "detector/detector_impact", "Detector", {"figure": "Impact parameters"}
        ),
    log:
        "results/logs/reporting/detector/detector_impact.log",
    threads: 1
    params:
        code=code_digest("reporting.detector.impact"),
    shell:
        launch("reporting.detector.impact")


TARGETS["reporting"] += expand(
    "results/reporting/detector/detector_{figure}.png",
    figure=["response", "layers", "objects", "impact"],
)
