# Figures of the detector room.


FIGURES |= {
    "detector/detector_response": Figure(
        "reporting.detector.response",
        "Detector",
        {"figure": "Calorimeter response"},
        inputs=dict(
            summaries=expand(
                "results/detector/{sample}/summary.json",
                sample=CONFIG.detector.summary_samples,
            )
        ),
    ),
    "detector/detector_layers": Figure(
        "reporting.detector.layers",
        "Detector",
        {"figure": "Energy by layer"},
        inputs=dict(
            summaries=expand(
                "results/detector/{sample}/summary.json",
                sample=CONFIG.detector.summary_samples,
            )
        ),
    ),
    "detector/detector_objects": Figure(
        "reporting.detector.objects",
        "Detector",
        {"figure": "Tracks and clusters"},
        inputs=dict(
            histograms=expand(
                "results/detector/{sample}/histograms.json",
                sample=CONFIG.detector.summary_samples,
            )
        ),
    ),
    "detector/detector_impact": Figure(
        "reporting.detector.impact",
        "Detector",
        {"figure": "Impact parameters"},
        inputs=dict(
            histograms=expand(
                "results/detector/{sample}/histograms.json",
                sample=CONFIG.detector.summary_samples,
            )
        ),
    ),
}
