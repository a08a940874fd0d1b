# Figures and tables of the tagging room.


FIGURES += [
    Figure(
        "tagging/tagging_roc",
        "reporting.tagging.roc",
        "Taggers",
        {"figure": "ROC curves"},
        inputs=dict(
            metrics=expand("results/tagging/{model}/metrics.json", model=TAGGERS),
            curves=expand("results/tagging/{model}/roc.csv", model=TAGGERS),
        ),
        params=dict(
            published=resource_name("published/tagging.json"),
            taggers=labels("tagging.models", TAGGERS),
        ),
    ),
    Figure(
        "tagging/tagging_confusion_{model}",
        "reporting.tagging.confusion",
        "Taggers",
        {"figure": "Confusion matrix", "tagger": "{model}"},
        inputs=dict(metrics="results/tagging/{model}/metrics.json"),
        params=dict(taggers=name_of_tagger),
        over={"model": TAGGERS},
    ),
    Figure(
        "tagging/tagging_kinematics",
        "reporting.sampling.kinematics",
        "Taggers",
        {"figure": "What pT and eta alone tell"},
        inputs=dict(kinematics="results/tagging/kinematics.json"),
    ),
    Figure(
        "tagging/tagging_history",
        "reporting.tagging.history",
        "Taggers",
        {"figure": "Training"},
        params=dict(taggers=labels("tagging.models", TAGGERS)),
        inputs=dict(
            metrics=expand("results/tagging/{model}/metrics.json", model=TAGGERS),
            histories=expand("results/tagging/{model}/history.csv", model=TAGGERS),
        ),
    ),
    Figure(
        "tagging/tagging_scores_{model}",
        "reporting.tagging.scores",
        "Taggers",
        {"figure": "Discriminants", "tagger": "{model}"},
        inputs=dict(
            metrics="results/tagging/{model}/metrics.json",
            histograms="results/tagging/{model}/histograms.json",
        ),
        params=dict(taggers=name_of_tagger),
        over={"model": TAGGERS},
    ),
    Table(
        "tagging/tagging_performance",
        "reporting.tagging.performance",
        "Taggers",
        {"figure": "AUC and rejection (table)"},
        inputs=dict(
            metrics=expand("results/tagging/{model}/metrics.json", model=TAGGERS)
        ),
        caption="tagging_performance",
    ),
    Table(
        "tagging/tagging_comparison",
        "reporting.tagging.comparison",
        "Taggers",
        {"figure": "Published top taggers (table)"},
        inputs=dict(
            metrics=expand("results/tagging/{model}/metrics.json", model=TAGGERS)
        ),
        caption="tagging_comparison",
        params=dict(
            published=resource_name("published/tagging.json"),
            taggers=labels("tagging.models", TAGGERS),
        ),
    ),
    Figure(
        "tagging/tagging_rejections",
        "reporting.taggers_compared.rejections",
        "Taggers",
        {"figure": "Rejections"},
        inputs=dict(
            metrics=expand("results/tagging/{model}/metrics.json", model=TAGGERS)
        ),
        params=dict(taggers=labels("tagging.models", TAGGERS)),
    ),
    Figure(
        "tagging/tagging_sculpting",
        "reporting.taggers_compared.sculpting",
        "Taggers",
        {"figure": "Mass of the background that is left"},
        inputs=dict(
            sculpting="results/tagging/sculpting.json",
            metrics=expand("results/tagging/{model}/metrics.json", model=TAGGERS),
        ),
        params=dict(taggers=labels("tagging.models", TAGGERS)),
    ),
    Figure(
        "tagging/tagging_decorrelation",
        "reporting.taggers_compared.decorrelation",
        "Taggers",
        {"figure": "Change of the mass against rejection"},
        inputs=dict(
            sculpting="results/tagging/sculpting.json",
            metrics=expand("results/tagging/{model}/metrics.json", model=TAGGERS),
        ),
        params=dict(taggers=labels("tagging.models", TAGGERS)),
    ),
    Figure(
        "tagging/tagging_calibration",
        "reporting.taggers_compared.calibration",
        "Taggers",
        {"figure": "Calibration"},
        inputs=dict(
            calibration="results/tagging/calibration.json",
            metrics=expand("results/tagging/{model}/metrics.json", model=TAGGERS),
        ),
        params=dict(taggers=labels("tagging.models", TAGGERS)),
    ),
    Table(
        "tagging/tagging_calibration_errors",
        "reporting.taggers_compared.calibration_errors",
        "Taggers",
        {"figure": "Calibration (table)"},
        inputs=dict(calibration="results/tagging/calibration.json"),
        caption="tagging_calibration_errors",
    ),
    *(
        Figure(
            f"tagging/tagging_dependence_{variable}",
            "reporting.taggers_compared.dependence",
            "Taggers",
            {"figure": f"Dependence on {text}"},
            inputs=dict(
                dependence="results/tagging/dependence.json",
                metrics=expand("results/tagging/{model}/metrics.json", model=TAGGERS),
            ),
            params=dict(taggers=labels("tagging.models", TAGGERS), variable=variable),
            caption="tagging_dependence",
        )
        for variable, text in {"pt": "pT", "abs_eta": "|eta|"}.items()
    ),
    Table(
        "tagging/tagging_paired",
        "reporting.taggers_compared.paired",
        "Taggers",
        {"figure": "Which tagger is better (table)"},
        inputs=dict(paired="results/tagging/paired.json"),
        caption="tagging_paired",
    ),
]


# Of the taggers of the run, and of all there are.
TAGGER_TABLE, FULL_TAGGER_TABLE = (
    Table(
        f"tagging/{name}",
        "reporting.tagger_table.taggers",
        "Taggers",
        {"figure": "What each takes and reaches (table)"},
        inputs=dict(
            metrics=expand("results/tagging/{model}/metrics.json", model=models),
            repetitions=expand(
                "results/tagging/{model}/repetitions/{repetition}.json",
                model=models,
                repetition=REPETITIONS,
            ),
        ),
        caption="tagging_table",
        params=dict(
            times=resource_name("measured/tagger_times.json"),
            published=resource_name("published/tagging.json"),
            taggers=labels("tagging.models", models),
        ),
    )
    for name, models in {
        "tagging_table": TAGGERS,
        "tagging_full": ALL_TAGGERS,
    }.items()
)
FIGURES.append(TAGGER_TABLE)

# Of `full_tagging`, not of `all`.
FULL_TAGGING = [
    FULL_TAGGER_TABLE,
    Figure(
        "tagging/tagging_cost",
        "reporting.tagger_table.cost",
        "Taggers",
        {"figure": "What a tagger reaches against what it takes"},
        inputs=dict(table=f"{FULL_TAGGER_TABLE.path}.csv"),
    ),
]

# Of `learning_curve`, not of `all`.
LEARNING = Figure(
    "tagging/tagging_learning",
    "reporting.taggers_compared.learning",
    "Taggers",
    {"figure": "Learning curve"},
    inputs=dict(
        metrics=expand("results/tagging/{model}/metrics.json", model=TAGGERS),
        parts=expand(
            "results/tagging/{model}/learning/{part}.json", model=TAGGERS, part=PARTS
        ),
    ),
    params=dict(taggers=labels("tagging.models", TAGGERS)),
)

# Of `pileup_dependence`, not of `all`.
PILEUP_POINTS = dict(
    points=expand(
        f"results/tagging/{MITIGATED}/compared.json", mean=MEANS, mitigation=MITIGATIONS
    )
)
PILEUP_NAMES = dict(taggers=labels("tagging.models", PILEUP.taggers))
PILEUP_DEPENDENCE = [
    *(
        Figure(
            f"tagging/tagging_pileup_{merit}",
            "reporting.pileup_dependence.taggers",
            "Taggers",
            {"figure": f"{text} against pile-up"},
            inputs=PILEUP_POINTS,
            params=PILEUP_NAMES | dict(merit=merit),
            caption="tagging_pileup",
        )
        for merit, text in {"auc": "AUC", "background_50": "Background kept"}.items()
    ),
    *(
        Figure(
            f"tagging/tagging_pileup_{number}",
            "reporting.pileup_dependence.jets",
            "Taggers",
            {"figure": f"Jet masses against pile-up: {number}"},
            inputs=PILEUP_POINTS,
            params=dict(number=number),
            caption="tagging_pileup_jets",
        )
        for number in ("bias", "resolution")
    ),
    Table(
        "tagging/tagging_pileup_taggers",
        "reporting.pileup_dependence.tagger_table",
        "Taggers",
        {"figure": "Taggers against pile-up (table)"},
        inputs=PILEUP_POINTS,
        params=PILEUP_NAMES,
        caption="tagging_pileup_tables",
    ),
    Table(
        "tagging/tagging_pileup_masses",
        "reporting.pileup_dependence.jet_table",
        "Taggers",
        {"figure": "Jets against pile-up (table)"},
        inputs=PILEUP_POINTS,
        caption="tagging_pileup_tables",
    ),
]
