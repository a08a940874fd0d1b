# Figures of the anomaly room.


FIGURES += [
    Figure(
        "anomaly/significance_improvement",
        "reporting.anomaly.sic",
        "Anomaly",
        {"figure": "Significance improvement"},
        inputs=dict(
            curves="results/anomaly/sic.csv",
            metrics="results/anomaly/metrics.json",
            checks="results/inference/checks.json",
        ),
        params=dict(
            published=resource_name("published/anomaly.json"), labels=SEARCH_LABELS
        ),
    ),
    Figure(
        "anomaly/resonance",
        "reporting.anomaly.resonance",
        "Anomaly",
        {"figure": "Dijet mass of the signal"},
        inputs=dict(
            histograms="results/anomaly/resonance_histograms.json",
            summary="results/anomaly/resonance.json",
        ),
    ),
]
