# Inference: a pyhf workspace a search, its fit, and limits on the signal's cross-section.


rule build_workspace:
    input:
        yields="results/background/{method}/yields.json",
    output:
        workspace="results/inference/{method}/workspace.json",
    log:
        "results/logs/inference/workspace/{method}.log",
    params:
        **job("inference.workspace", settings="inference.workspace"),
    shell:
        LAUNCH


rule fit_workspace:
    input:
        workspace="results/inference/{method}/workspace.json",
        yields="results/background/{method}/yields.json",
    output:
        fit="results/inference/{method}/fit.json",
    log:
        "results/logs/inference/fit/{method}.log",
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
        yields="results/background/{method}/yields.json",
    output:
        limits="results/inference/{method}/limits.json",
    log:
        "results/logs/inference/limits/{method}.log",
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


TARGETS["inference"] = [
    *expand("results/inference/{method}/limits.json", method=BACKGROUND_METHODS),
    *expand("results/inference/{method}/fit.json", method=BACKGROUND_METHODS),
]
