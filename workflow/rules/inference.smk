# Inference: a pyhf workspace a search, its fit, and limits on the signal's cross-section; the same of
# workspaces that others made.

PUBLISHED = list(CONFIG.inference.workspaces)
COMBINED = [name for name, each in CONFIG.inference.workspaces.items() if each.combined]
GRIDS = list(CONFIG.inference.grids)


rule build_workspace:
    input:
        yields="results/background/{method}/search.json",
    output:
        workspace="results/inference/{method}/workspace.json",
    log:
        "results/logs/inference/workspace/{method}.log",
    wildcard_constraints:
        method=one_of(BACKGROUND_METHODS),
    params:
        **job("inference.workspace", settings="inference.workspace"),
    shell:
        LAUNCH


rule fit_workspace:
    input:
        workspace="results/inference/{method}/workspace.json",
        yields="results/background/{method}/search.json",
    output:
        fit="results/inference/{method}/fit.json",
    log:
        "results/logs/inference/fit/{method}.log",
    wildcard_constraints:
        method=one_of(BACKGROUND_METHODS),
    params:
        **job(
            "inference.fit",
            settings="inference.fit",
            seed=["inference.fit", "{method}"],
        ),
    shell:
        LAUNCH


rule set_limits:
    input:
        workspace="results/inference/{method}/workspace.json",
        yields="results/background/{method}/search.json",
    output:
        limits="results/inference/{method}/limits.json",
    log:
        "results/logs/inference/limits/{method}.log",
    wildcard_constraints:
        method=one_of(BACKGROUND_METHODS),
    params:
        **job(
            "inference.limits",
            settings={
                "limits": "inference.limits",
                "workspace": "inference.workspace",
            },
            seed=["inference.limits", "{method}"],
        ),
    shell:
        LAUNCH


rule diagnose_search:
    input:
        workspace="results/inference/{method}/workspace.json",
        yields="results/background/{method}/search.json",
    output:
        model="results/inference/{method}/model.json",
    log:
        "results/logs/inference/diagnose/{method}.log",
    wildcard_constraints:
        method=one_of(BACKGROUND_METHODS),
    params:
        **job("inference.ranking.diagnose"),
    shell:
        LAUNCH


rule make_patchset:
    input:
        workspace="results/inference/{method}/workspace.json",
        signals=expand(
            "results/background/{{method}}/systematics/{systematic}.json",
            systematic=GRID,
        ),
    output:
        background="results/inference/{method}/background_only.json",
        patchset="results/inference/{method}/patchset.json",
    log:
        "results/logs/inference/patchset/{method}.log",
    wildcard_constraints:
        method=one_of(BACKGROUND_METHODS),
    params:
        **job("inference.patches", settings="anomaly.grid"),
    shell:
        LAUNCH


rule import_workspace:
    input:
        files=workspace_files,
    output:
        workspace="results/inference/{method}/workspace.json",
    log:
        "results/logs/inference/import/{method}.log",
    wildcard_constraints:
        method=one_of([name for name in PUBLISHED if name not in COMBINED]),
    params:
        **job("inference.published", settings="inference.workspaces.{method}"),
    shell:
        LAUNCH


rule combine_workspaces:
    input:
        workspaces=combined_workspaces,
    output:
        workspace="results/inference/{method}/workspace.json",
    log:
        "results/logs/inference/combine/{method}.log",
    wildcard_constraints:
        method=one_of(COMBINED),
    params:
        **job(
            "inference.combination",
            settings={"workspaces": "inference.workspaces"},
        ),
    shell:
        LAUNCH


rule fit_published:
    input:
        workspace="results/inference/{method}/workspace.json",
    output:
        fit="results/inference/{method}/fit.json",
    log:
        "results/logs/inference/fit_published/{method}.log",
    wildcard_constraints:
        method=one_of(PUBLISHED),
    params:
        **job(
            "inference.others.fit",
            settings={
                "fit": "inference.fit",
                "workspace": "inference.workspaces.{method}",
            },
            seed=["inference.others.fit", "{method}"],
        ),
    shell:
        LAUNCH


rule limit_published:
    input:
        workspace="results/inference/{method}/workspace.json",
    output:
        limits="results/inference/{method}/limits.json",
    log:
        "results/logs/inference/limit_published/{method}.log",
    wildcard_constraints:
        method=one_of(PUBLISHED),
    params:
        **job(
            "inference.others.limits",
            settings={
                "limits": "inference.limits",
                "workspace": "inference.workspaces.{method}",
            },
            seed=["inference.others.limits", "{method}"],
        ),
    shell:
        LAUNCH


rule diagnose_published:
    input:
        workspace="results/inference/{method}/workspace.json",
    output:
        model="results/inference/{method}/model.json",
    log:
        "results/logs/inference/diagnose_published/{method}.log",
    wildcard_constraints:
        method=one_of(PUBLISHED),
    params:
        **job(
            "inference.others.diagnose",
            settings={
                "fit": "inference.fit",
                "workspace": "inference.workspaces.{method}",
            },
            seed=["inference.others.diagnose", "{method}"],
        ),
    shell:
        LAUNCH


# What a referee asks of the search, from what this run makes.
rule check_searches:
    input:
        fits=expand("results/background/{method}/fits.json", method=BACKGROUND_HUNTS),
        closures=expand(
            "results/background/{method}/closure.json", method=BACKGROUND_CUT
        ),
        abcd=expand("results/background/{method}/closure.json", method=BACKGROUND_ABCD),
        constraints=expand(
            "results/anomaly/{method}/constraints.json", method=BACKGROUND_CONSTRAINED
        ),
        qualities=expand(
            "results/background/{method}/quality.json", method=BACKGROUND_TEMPLATES
        ),
        templates=expand(
            "results/background/{method}/template_closure.json",
            method=BACKGROUND_CLOSED,
        ),
        limits=expand(
            "results/inference/{method}/limits.json", method=BACKGROUND_METHODS
        ),
        hunts=expand(
            "results/background/{method}/bump_hunt.json",
            method=CONFIG.background.bump_hunt.methods,
        ),
        scans=expand(
            "results/anomaly/scan/{scan}/summary.json", scan=CONFIG.anomaly.scanned
        ),
    output:
        checks="results/inference/checks.json",
    log:
        "results/logs/inference/checks.log",
    params:
        **job(
            "inference.checks",
            settings={
                "signal_region": "anomaly.signal_region",
                "folds": "anomaly.features.folds",
            },
            blind=json.dumps(
                {
                    name: METHODS[name].label
                    for name in BACKGROUND_METHODS[1:]
                    if not METHODS[name].reference
                }
            ),
        ),
    shell:
        LAUNCH


rule limit_grid:
    input:
        files=grid_files,
    output:
        grid="results/inference/{method}/grid.json",
    log:
        "results/logs/inference/limit_grid/{method}.log",
    wildcard_constraints:
        method=one_of(GRIDS),
    params:
        **job(
            "inference.grid",
            settings={
                "limits": "inference.limits",
                "grid": "inference.grids.{method}",
            },
        ),
    shell:
        LAUNCH


rule bench_limits:
    output:
        report="results/bench/limits.json",
    log:
        "results/logs/inference/bench.log",
    params:
        **job("inference.bench", settings="inference.bench"),
    shell:
        LAUNCH


BENCHES.append("results/bench/limits.json")
TARGETS["inference"] = [
    "results/inference/checks.json",
    *expand(
        "results/inference/{method}/limits.json",
        method=[*BACKGROUND_METHODS, *PUBLISHED],
    ),
    *expand(
        "results/inference/{method}/fit.json",
        method=[*BACKGROUND_METHODS, *PUBLISHED],
    ),
    *expand(
        "results/inference/{method}/model.json",
        method=[*BACKGROUND_CUT, *PUBLISHED],
    ),
    *expand("results/inference/{method}/grid.json", method=GRIDS),
]
