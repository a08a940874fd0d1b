# Figures and tables of the tagging room.


FIGURES |= {
    "tagging/tagging_roc": Figure(
        "reporting.tagging.roc",
        "Taggers",
        {"figure": "ROC curves"},
        inputs=dict(
            metrics=expand(
                "results/tagging/{model}/metrics.json", model=CONFIG.tagging.taggers
            ),
            curves=expand(
                "results/tagging/{model}/roc.csv", model=CONFIG.tagging.taggers
            ),
        ),
        params=dict(published=resource_name("published/tagging.json")),
    ),
    "tagging/tagging_confusion_{model}": Figure(
        "reporting.tagging.confusion",
        "Taggers",
        {"figure": "Confusion matrix", "tagger": "{model}"},
        inputs=dict(metrics="results/tagging/{model}/metrics.json"),
        over={"model": CONFIG.tagging.taggers},
    ),
    "tagging/tagging_history": Figure(
        "reporting.tagging.history",
        "Taggers",
        {"figure": "Training"},
        inputs=dict(
            metrics=expand(
                "results/tagging/{model}/metrics.json", model=CONFIG.tagging.taggers
            ),
            histories=expand(
                "results/tagging/{model}/history.csv", model=CONFIG.tagging.taggers
            ),
        ),
    ),
    "tagging/tagging_scores_{model}": Figure(
        "reporting.tagging.scores",
        "Taggers",
        {"figure": "Discriminants", "tagger": "{model}"},
        inputs=dict(
            metrics="results/tagging/{model}/metrics.json",
            histograms="results/tagging/{model}/histograms.json",
        ),
        over={"model": CONFIG.tagging.taggers},
    ),
    "tagging/tagging_performance": Figure(
        "reporting.tagging.performance",
        "Taggers",
        {"figure": "AUC and rejection (table)"},
        inputs=dict(
            metrics=expand(
                "results/tagging/{model}/metrics.json", model=CONFIG.tagging.taggers
            )
        ),
        caption="tagging_performance",
        kind="table",
    ),
    "tagging/tagging_comparison": Figure(
        "reporting.tagging.comparison",
        "Taggers",
        {"figure": "Published top taggers (table)"},
        inputs=dict(
            metrics=expand(
                "results/tagging/{model}/metrics.json", model=CONFIG.tagging.taggers
            )
        ),
        caption="tagging_comparison",
        kind="table",
        params=dict(published=resource_name("published/tagging.json")),
    ),
}
