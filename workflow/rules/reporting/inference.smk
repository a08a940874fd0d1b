# Figures and table of the inference room.


rule figure_limits:
    input:
        limits=expand(
            "results/inference/{method}/limits.json", method=BACKGROUND_METHODS
        ),
    output:
        **figure("inference/limits", "Inference", {"figure": "Limits by method"}),
    log:
        "results/logs/reporting/inference/limits.log",
    threads: 1
    params:
        code=code_digest("reporting.inference.comparison"),
    shell:
        launch("reporting.inference.comparison")


rule figure_cls_scan:
    input:
        limits=expand(
            "results/inference/{method}/limits.json", method=BACKGROUND_METHODS
        ),
    output:
        **figure(
            "inference/cls_scan",
            "Inference",
            {"figure": "CLs against the cross-section"},
        ),
    log:
        "results/logs/reporting/inference/cls_scan.log",
    threads: 1
    params:
        code=code_digest("reporting.inference.scan"),
    shell:
        launch("reporting.inference.scan")


rule figure_pulls:
    input:
        fits=expand("results/inference/{method}/fit.json", method=BACKGROUND_METHODS),
    output:
        **figure("inference/pulls", "Inference", {"figure": "Best fit and pulls"}),
    log:
        "results/logs/reporting/inference/pulls.log",
    threads: 1
    params:
        code=code_digest("reporting.inference.pulls"),
    shell:
        launch("reporting.inference.pulls")


rule table_limits:
    input:
        limits=expand(
            "results/inference/{method}/limits.json", method=BACKGROUND_METHODS
        ),
        fits=expand("results/inference/{method}/fit.json", method=BACKGROUND_METHODS),
    output:
        table=report(
            "results/reporting/inference/limits.csv",
            caption="../../report/limits_table.rst",
            category="Inference",
            labels={"figure": "Table of limits"},
        ),
    log:
        "results/logs/reporting/inference/table.log",
    threads: 1
    params:
        code=code_digest("reporting.inference.table"),
    shell:
        launch("reporting.inference.table")


TARGETS["reporting"] += [
    "results/reporting/inference/limits.png",
    "results/reporting/inference/cls_scan.png",
    "results/reporting/inference/pulls.png",
    "results/reporting/inference/limits.csv",
]
