# What is done with workspaces beyond the searches, by the targets `applications` and `publication`.
APPLIED = CONFIG.inference.applications
APPLICATIONS = "results/inference/applications"
GAIN_SCAN = CONFIG.anomaly.scans.get(APPLIED.gain.scan)
GAIN_WINDOW = window_name(CONFIG.anomaly.signal_region)


rule search_charm:
    input:
        scores=f"results/tagging/{APPLIED.charm.tagger}/scores.safetensors",
        metrics=f"results/tagging/{APPLIED.charm.tagger}/metrics.json",
        jets=JETS_OF_TAGGING,
    output:
        workspace=f"{APPLICATIONS}/charm/workspace.json",
        search=f"{APPLICATIONS}/charm/search.json",
    log:
        "results/logs/inference/applications/charm.log",
    params:
        **job(
            "inference.applications.charm",
            settings={
                "charm": "inference.applications.charm",
                "level": "inference.limits.level",
                "workspace": "inference.workspace",
            },
            rates=resource_name("published/charm.json"),
        ),
    shell:
        LAUNCH


rule scan_operators:
    input:
        workspace=operator_workspace,
    output:
        scans=f"{APPLICATIONS}/operators/{{method}}.json",
    log:
        "results/logs/inference/applications/operators/{method}.log",
    wildcard_constraints:
        method=one_of(APPLIED.operators),
    params:
        **job(
            "inference.applications.operators",
            settings="inference.applications.operators.{method}",
        ),
    shell:
        LAUNCH


rule compare_gains:
    input:
        yields=expand(
            "results/background/{method}/search.json", method=BACKGROUND_METHODS
        ),
        replicas=expand(
            f"results/background/scan/{APPLIED.gain.scan}/{GAIN_WINDOW}/mu0/"
            "seed{replica}/{method}/yields.json",
            replica=range(GAIN_SCAN.replicas if GAIN_SCAN else 0),
            method=[
                name
                for name in BACKGROUND_METHODS
                if GAIN_SCAN and name in GAIN_SCAN.methods
            ],
        ),
    output:
        gains=f"{APPLICATIONS}/gains.json",
    log:
        "results/logs/inference/applications/gains.log",
    params:
        **job(
            "inference.applications.gain",
            settings={
                "gain": "inference.applications.gain",
                "level": "inference.limits.level",
                "workspace": "inference.workspace",
            },
        ),
    shell:
        LAUNCH


rule export_hs3:
    input:
        workspace="results/inference/{method}/workspace.json",
    output:
        hs3="results/inference/{method}/hs3.json",
    log:
        "results/logs/inference/hs3/{method}.log",
    wildcard_constraints:
        method=one_of([*BACKGROUND_METHODS, *PUBLISHED]),
    params:
        **job(
            "inference.publication.hs3",
            settings={"workspaces": "inference.workspaces"},
        ),
    shell:
        LAUNCH


rule export_limits:
    input:
        limits=expand(
            "results/inference/{method}/limits.json",
            method=[*BACKGROUND_METHODS, *PUBLISHED],
        ),
    output:
        csv="results/inference/publication/limits.csv",
        tex="results/inference/publication/limits.tex",
    log:
        "results/logs/inference/publication/limits.log",
    params:
        **job("inference.publication.tables", labels=BACKGROUND_LABELS),
    shell:
        LAUNCH


rule write_submission:
    input:
        workspaces=expand(
            "results/inference/{method}/workspace.json", method=BACKGROUND_METHODS
        ),
        yields=expand(
            "results/background/{method}/yields.json", method=BACKGROUND_METHODS
        ),
        limits=expand(
            "results/inference/{method}/limits.json", method=BACKGROUND_METHODS
        ),
        summary="results/tagging/summary.json",
        patchsets=[
            f"results/inference/{method}/{file}.json"
            for method in (BACKGROUND_METHODS if GRID else [])
            for file in ("background_only", "patchset")
        ],
    output:
        submission="results/inference/publication/submission.tar.gz",
    log:
        "results/logs/inference/publication/submission.log",
    params:
        **job("inference.publication.hepdata"),
    shell:
        LAUNCH


PUBLICATION = [
    *expand("results/inference/{method}/hs3.json", method=BACKGROUND_METHODS),
    "results/inference/publication/limits.csv",
    "results/inference/publication/limits.tex",
    "results/inference/publication/submission.tar.gz",
]
