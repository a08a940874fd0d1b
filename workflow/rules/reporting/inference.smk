# Figures and table of the inference room.

# Figures of cross-sections: the workspaces of others that come with one stand beside the searches.
IN_FB = [name for name in PUBLISHED if CONFIG.inference.workspaces[name].cross_section]
LIMITED = [*BACKGROUND_METHODS, *IN_FB]
LIMITED_LABELS = json.dumps(
    json.loads(BACKGROUND_LABELS) | {name: name for name in IN_FB}
)


def name_of_method(wildcards):
    """The displayed name of a method; the workspaces of others have their own."""
    known = json.loads(BACKGROUND_LABELS)
    return json.dumps({wildcards.method: known.get(wildcards.method, wildcards.method)})


VALIDATED = [name for name in PUBLISHED if CONFIG.inference.workspaces[name].validation]


FIGURES += [
    Figure(
        "inference/limits",
        "reporting.inference.comparison",
        "Inference",
        {"figure": "Limits by method"},
        inputs=dict(
            normalisation="results/background/normalisation.json",
            checks="results/inference/checks.json",
            limits=expand("results/inference/{method}/limits.json", method=LIMITED),
        ),
        params=dict(labels=LIMITED_LABELS),
    ),
    Figure(
        "inference/cls_scan",
        "reporting.inference.scan",
        "Inference",
        {"figure": "CLs against the cross-section"},
        inputs=dict(
            normalisation="results/background/normalisation.json",
            checks="results/inference/checks.json",
            limits=expand("results/inference/{method}/limits.json", method=LIMITED),
        ),
        params=dict(labels=LIMITED_LABELS),
    ),
    Figure(
        "inference/pulls",
        "reporting.inference.pulls",
        "Inference",
        {"figure": "Best fit and pulls"},
        inputs=dict(
            fits=expand("results/inference/{method}/fit.json", method=LIMITED),
            checks="results/inference/checks.json",
        ),
        params=dict(labels=LIMITED_LABELS),
    ),
    Table(
        "inference/limits",
        "reporting.inference.table",
        "Inference",
        {"figure": "Table of limits"},
        inputs=dict(
            normalisation="results/background/normalisation.json",
            checks="results/inference/checks.json",
            limits=expand(
                "results/inference/{method}/limits.json",
                method=[*BACKGROUND_METHODS, *PUBLISHED],
            ),
            fits=expand(
                "results/inference/{method}/fit.json",
                method=[*BACKGROUND_METHODS, *PUBLISHED],
            ),
        ),
        caption="limits_table",
    ),
    *(
        kind(
            "inference/checks",
            f"reporting.checks.{kind.kind}",
            "Inference",
            {"figure": title},
            inputs=dict(checks="results/inference/checks.json"),
            params=dict(labels=BACKGROUND_LABELS),
        )
        for kind, title in ((Figure, "Checks of the search"), (Table, "Checks, table"))
    ),
]

FIGURES += [
    Figure(
        "inference/impacts_{method}",
        "reporting.workspaces.impacts",
        "Inference",
        {"figure": "Pulls and impacts, {method}"},
        inputs=dict(
            fit="results/inference/{method}/fit.json",
            model="results/inference/{method}/model.json",
        ),
        params=dict(labels=name_of_method),
        over={"method": [*BACKGROUND_CUT, *PUBLISHED]},
    ),
]

if PUBLISHED:
    FIGURES += [
        Figure(
            "inference/strengths",
            "reporting.workspaces.strengths",
            "Inference",
            {"figure": "Limits of workspaces"},
            inputs=dict(
                limits=expand(
                    "results/inference/{method}/limits.json", method=PUBLISHED
                )
            ),
        ),
        Figure(
            "inference/correlations_{method}",
            "reporting.workspaces.correlations",
            "Inference",
            {"figure": "Correlations, {method}"},
            inputs=dict(model="results/inference/{method}/model.json"),
            over={"method": PUBLISHED},
        ),
        Figure(
            "inference/channels_{method}",
            "reporting.workspaces.channels",
            "Inference",
            {"figure": "Before and after the fit, {method}"},
            inputs=dict(model="results/inference/{method}/model.json"),
            over={"method": PUBLISHED},
        ),
        Figure(
            "inference/validation_{method}",
            "reporting.workspaces.validation",
            "Inference",
            {"figure": "Validation after the fit, {method}"},
            inputs=dict(model="results/inference/{method}/model.json"),
            over={"method": VALIDATED},
        ),
        Figure(
            "inference/likelihood_{method}",
            "reporting.workspaces.scans",
            "Inference",
            {"figure": "Likelihood, {method}"},
            inputs=dict(model="results/inference/{method}/model.json"),
            over={"method": PUBLISHED},
        ),
    ]

if GRIDS:
    FIGURES += [
        kind(
            "inference/exclusion_{method}",
            f"reporting.grids.{verb}",
            "Inference",
            {"figure": f"{title}, {{method}}"},
            inputs=dict(grid="results/inference/{method}/grid.json"),
            over={"method": GRIDS},
        )
        for kind, verb, title in (
            (Figure, "exclusion", "Limits over a grid"),
            (Table, "table", "Limits over a grid, table"),
        )
    ]
