# Figures and tables of the tagging room.


rule figure_tagging_roc:
    input:
        metrics=expand(
            "results/tagging/{model}/metrics.json", model=CONFIG.tagging.taggers
        ),
        curves=expand("results/tagging/{model}/roc.csv", model=CONFIG.tagging.taggers),
    output:
        **figure("tagging/tagging_roc", "Taggers", {"figure": "ROC curves"}),
    log:
        "results/logs/reporting/tagging/tagging_roc.log",
    threads: 1
    params:
        published=resource_name("published/tagging.json"),
        code=code_digest("reporting.tagging.roc"),
    shell:
        launch("reporting.tagging.roc")


rule figure_tagging_confusion:
    input:
        metrics="results/tagging/{model}/metrics.json",
    output:
        **figure(
            "tagging/tagging_confusion_{model}",
            "Taggers",
            {"figure": "Confusion matrix", "tagger": "{model}"},
        ),
    log:
        "results/logs/reporting/tagging/tagging_confusion_{model}.log",
    threads: 1
    params:
        code=code_digest("reporting.tagging.confusion"),
    shell:
        launch("reporting.tagging.confusion")


rule figure_tagging_history:
    input:
        metrics=expand(
            "results/tagging/{model}/metrics.json", model=CONFIG.tagging.taggers
        ),
        histories=expand(
            "results/tagging/{model}/history.csv", model=CONFIG.tagging.taggers
        ),
    output:
        **figure("tagging/tagging_history", "Taggers", {"figure": "Training"}),
    log:
        "results/logs/reporting/tagging/tagging_history.log",
    threads: 1
    params:
        code=code_digest("reporting.tagging.history"),
    shell:
        launch("reporting.tagging.history")


rule figure_tagging_scores:
    input:
        metrics="results/tagging/{model}/metrics.json",
        histograms="results/tagging/{model}/histograms.json",
    output:
        **figure(
            "tagging/tagging_scores_{model}",
            "Taggers",
            {"figure": "Discriminants", "tagger": "{model}"},
        ),
    log:
        "results/logs/reporting/tagging/tagging_scores_{model}.log",
    threads: 1
    params:
        code=code_digest("reporting.tagging.scores"),
    shell:
        launch("reporting.tagging.scores")


rule table_tagging_performance:
    input:
        metrics=expand(
            "results/tagging/{model}/metrics.json", model=CONFIG.tagging.taggers
        ),
    output:
        table=report(
            "results/reporting/tagging/tagging_performance.csv",
            caption="../../report/tagging_performance.rst",
            category="Taggers",
            labels={"figure": "AUC and rejection (table)"},
        ),
    log:
        "results/logs/reporting/tagging/tagging_performance.log",
    threads: 1
    params:
        code=code_digest("reporting.tagging.performance"),
    shell:
        launch("reporting.tagging.performance")


rule table_tagging_comparison:
    input:
        metrics=expand(
            "results/tagging/{model}/metrics.json", model=CONFIG.tagging.taggers
        ),
    output:
        table=report(
            "results/reporting/tagging/tagging_comparison.csv",
            caption="../../report/tagging_comparison.rst",
            category="Taggers",
            labels={"figure": "Published top taggers (table)"},
        ),
    log:
        "results/logs/reporting/tagging/tagging_comparison.log",
    threads: 1
    params:
        published=resource_name("published/tagging.json"),
        code=code_digest("reporting.tagging.comparison"),
    shell:
        launch("reporting.tagging.comparison")


TARGETS["reporting"] += [
    "results/reporting/tagging/tagging_roc.png",
    "results/reporting/tagging/tagging_history.png",
    "results/reporting/tagging/tagging_performance.csv",
    "results/reporting/tagging/tagging_comparison.csv",
    *expand(
        "results/reporting/tagging/tagging_{figure}_{model}.png",
        figure=["confusion", "scores"],
        model=CONFIG.tagging.taggers,
    ),
]
