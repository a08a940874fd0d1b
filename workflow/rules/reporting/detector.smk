# Figures of the detector room.


FIGURES += [
    Figure(
        "detector/detector_response",
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
    Figure(
        "detector/detector_layers",
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
    Figure(
        "detector/detector_objects",
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
    Figure(
        "detector/detector_impact",
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
]
