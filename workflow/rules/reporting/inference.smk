# Figures and table of the inference room.


FIGURES += [
    Figure(
        "inference/limits",
        "reporting.inference.comparison",
        "Inference",
        {"figure": "Limits by method"},
        inputs=dict(
            normalisation="results/background/normalisation.json",
            limits=expand(
                "results/inference/{method}/limits.json", method=BACKGROUND_METHODS
            ),
        ),
        params=dict(labels=BACKGROUND_LABELS),
    ),
    Figure(
        "inference/cls_scan",
        "reporting.inference.scan",
        "Inference",
        {"figure": "CLs against the cross-section"},
        inputs=dict(
            normalisation="results/background/normalisation.json",
            limits=expand(
                "results/inference/{method}/limits.json", method=BACKGROUND_METHODS
            ),
        ),
        params=dict(labels=BACKGROUND_LABELS),
    ),
    Figure(
        "inference/pulls",
        "reporting.inference.pulls",
        "Inference",
        {"figure": "Best fit and pulls"},
        inputs=dict(
            fits=expand(
                "results/inference/{method}/fit.json", method=BACKGROUND_METHODS
            )
        ),
        params=dict(labels=BACKGROUND_LABELS),
    ),
    Table(
        "inference/limits",
        "reporting.inference.table",
        "Inference",
        {"figure": "Table of limits"},
        inputs=dict(
            normalisation="results/background/normalisation.json",
            limits=expand(
                "results/inference/{method}/limits.json", method=BACKGROUND_METHODS
            ),
            fits=expand(
                "results/inference/{method}/fit.json", method=BACKGROUND_METHODS
            ),
        ),
        caption="limits_table",
    ),
]
