# Figures and tables of the target `applications`.

CHARM_SEARCH = dict(search=f"{APPLICATIONS}/charm/search.json")
OPERATOR_SCANS = dict(scans=f"{APPLICATIONS}/operators/{{method}}.json")

APPLICATION_FIGURES = [
    Figure(
        "inference/charm_limits",
        "reporting.applications.charm_limits",
        "Inference",
        {"figure": "VH(cc) and kappa_c"},
        inputs=CHARM_SEARCH,
        params=dict(published=resource_name("published/charm.json")),
    ),
    Figure(
        "inference/charm_yields",
        "reporting.applications.charm_yields",
        "Inference",
        {"figure": "VH(cc), expected events"},
        inputs=CHARM_SEARCH,
    ),
    Table(
        "inference/charm_limits",
        "reporting.applications.charm_table",
        "Inference",
        {"figure": "VH(cc) and kappa_c, table"},
        inputs=CHARM_SEARCH,
        params=dict(published=resource_name("published/charm.json")),
        caption="charm_table",
    ),
    Figure(
        "inference/gain",
        "reporting.applications.gain",
        "Inference",
        {"figure": "What the methods buy"},
        inputs=dict(gains=f"{APPLICATIONS}/gains.json"),
        params=dict(labels=BACKGROUND_LABELS),
    ),
    Figure(
        "inference/operators_{method}",
        "reporting.applications.operators",
        "Inference",
        {"figure": "Operators, {method}"},
        inputs=OPERATOR_SCANS,
        over={"method": list(APPLIED.operators)},
    ),
    Table(
        "inference/operators_{method}",
        "reporting.applications.operators_table",
        "Inference",
        {"figure": "Operators, {method}, table"},
        inputs=OPERATOR_SCANS,
        params=dict(published=resource_name("published/four_tops.json")),
        over={"method": list(APPLIED.operators)},
        caption="operators_table",
    ),
]

# Of `applications`, not of `all`; the report shows what is there.
ASIDE += [
    path
    for figure in APPLICATION_FIGURES
    for path in expand(f"{figure.path}.{{kind}}", kind=figure.kinds, **figure.over)
]
