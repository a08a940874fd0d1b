# Inference: a pyhf workspace a search, its fit, and limits on the signal's cross-section.


rule build_workspace:
    input:
        yields="results/background/{method}/yields.json",
    output:
        workspace="results/inference/{method}/workspace.json",
    log:
        "results/logs/inference/workspace/{method}.log",
    threads: 1
    params:
        settings=section("inference.workspace"),
        code=code_digest("inference.workspace"),
    shell:
        launch("inference.workspace")


rule fit_workspace:
    input:
        workspace="results/inference/{method}/workspace.json",
        yields="results/background/{method}/yields.json",
    output:
        fit="results/inference/{method}/fit.json",
    log:
        "results/logs/inference/fit/{method}.log",
    threads: 1
    params:
        settings=section("inference.fit"),
        code=code_digest("inference.fit"),
    shell:
        launch("inference.fit")


rule set_limits:
    input:
        workspace="results/inference/{method}/workspace.json",
        yields="results/background/{method}/yields.json",
    output:
        limits="results/inference/{method}/limits.json",
    log:
        "results/logs/inference/limits/{method}.log",
    threads: 1
    params:
        settings=section(limits="inference.limits", workspace="inference.workspace"),
        seed=job_seed("inference.limits", "{method}"),
        code=code_digest("inference.limits"),
    shell:
        launch("inference.limits")


TARGETS["inference"] = [
    *expand("results/inference/{method}/limits.json", method=BACKGROUND_METHODS),
    *expand("results/inference/{method}/fit.json", method=BACKGROUND_METHODS),
]
