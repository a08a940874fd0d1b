# Figures and table of the inference room.


rule figure_limits:
    input:
        limits=expand(
            "results/inference/{method}/limits.json", method=BACKGROUND_METHODS
        ),
    output:
        png=report(
            "results/reporting/inference/limits.png",
            caption="../../report/limits.rst",
            category="Inference",
            labels={"figure": "Limits by method"},
        ),
        pdf="results/reporting/inference/limits.pdf",
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
        png=report(
            "results/reporting/inference/cls_scan.png",
            caption="../../report/cls_scan.rst",
            category="Inference",
            labels={"figure": "CLs against the cross-section"},
        ),
        pdf="results/reporting/inference/cls_scan.pdf",
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
        png=report(
            "results/reporting/inference/pulls.png",
            caption="../../report/pulls.rst",
            category="Inference",
            labels={"figure": "Best fit and pulls"},
        ),
        pdf="results/reporting/inference/pulls.pdf",
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
