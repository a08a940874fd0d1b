# Figures and table of the inference room.


FIGURES |= {
    "inference/limits": Figure(
        "reporting.inference.comparison",
        "Inference",
        {"figure": "Limits by method"},
        inputs=dict(
            limits=expand(
                "results/inference/{method}/limits.json", method=BACKGROUND_METHODS
            )
        ),
    ),
    "inference/cls_scan": Figure(
        "reporting.inference.scan",
        "Inference",
        {"figure": "CLs against the cross-section"},
        inputs=dict(
            limits=expand(
                "results/inference/{method}/limits.json", method=BACKGROUND_METHODS
            )
        ),
    ),
    "inference/pulls": Figure(
        "reporting.inference.pulls",
        "Inference",
        {"figure": "Best fit and pulls"},
        inputs=dict(
            fits=expand(
                "results/inference/{method}/fit.json", method=BACKGROUND_METHODS
            )
        ),
    ),
    "inference/limits": Figure(
        "reporting.inference.table",
        "Inference",
        {"figure": "Table of limits"},
        inputs=dict(
            limits=expand(
                "results/inference/{method}/limits.json", method=BACKGROUND_METHODS
            ),
            fits=expand(
                "results/inference/{method}/fit.json", method=BACKGROUND_METHODS
            ),
        ),
        caption="limits_table",
        kind="table",
    ),
}
