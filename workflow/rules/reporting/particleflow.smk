# Figures of the particle-flow room.
COMPARED = CONFIG.particleflow.algorithms
PERFORMANCE = dict(
    performance=expand(
        "results/particleflow/performance/{algorithm}.json", algorithm=COMPARED
    )
)
HISTOGRAMS = dict(
    histograms=expand(
        "results/particleflow/performance/{algorithm}_histograms.json",
        algorithm=COMPARED,
    )
)
PFLOW_JETS = dict(
    performance=expand(
        "results/particleflow/performance/{algorithm}_jets.json", algorithm=COMPARED
    )
)
# The first events of one sample, of which no network was trained on any.
PFLOW_SHOWN = f"{CONFIG.particleflow.evaluation.samples[-1]}/0000.root"
PFLOW_NAMES = dict(labels=labels("particleflow.algorithms", COMPARED))


FIGURES += [
    Figure(
        "particleflow/pflow_efficiency",
        "reporting.particleflow.efficiency",
        "Particle flow",
        {"figure": "Efficiency and fake rate"},
        inputs=PERFORMANCE,
        params=PFLOW_NAMES,
    ),
    Figure(
        "particleflow/pflow_resolution",
        "reporting.particleflow.resolution",
        "Particle flow",
        {"figure": "Response and resolution"},
        inputs=PERFORMANCE,
        params=PFLOW_NAMES
        | dict(max_cost=str(CONFIG.particleflow.evaluation.max_cost)),
    ),
    Figure(
        "particleflow/pflow_residuals",
        "reporting.particleflow.residuals",
        "Particle flow",
        {"figure": "Residuals"},
        inputs=HISTOGRAMS,
        params=PFLOW_NAMES,
    ),
    Figure(
        "particleflow/pflow_angles",
        "reporting.particleflow.angles",
        "Particle flow",
        {"figure": "Angular residuals"},
        inputs=PERFORMANCE,
        params=PFLOW_NAMES,
    ),
    Figure(
        "particleflow/pflow_jets",
        "reporting.particleflow_jets.jets",
        "Particle flow",
        {"figure": "Jets, their content, missing momentum"},
        inputs=PFLOW_JETS,
        params=PFLOW_NAMES,
    ),
    Figure(
        "particleflow/pflow_event",
        "reporting.particleflow_event.event",
        "Particle flow",
        {"figure": "One event, all algorithms"},
        inputs=dict(
            detected=f"results/detector/{PFLOW_SHOWN}",
            particles=expand(
                f"results/particleflow/{{algorithm}}/{PFLOW_SHOWN}", algorithm=COMPARED
            ),
        ),
        params=PFLOW_NAMES,
    ),
    Figure(
        "particleflow/pflow_response",
        "reporting.particleflow.response",
        "Particle flow",
        {"figure": "Response in a cone"},
        inputs=HISTOGRAMS,
        params=PFLOW_NAMES,
    ),
    Figure(
        "particleflow/pflow_calibration",
        "reporting.particleflow.calibration",
        "Particle flow",
        {"figure": "Expected response"},
        inputs=dict(comparison="results/particleflow/response_comparison.json"),
    ),
    Figure(
        "particleflow/pflow_composition",
        "reporting.particleflow_guns.composition",
        "Particle flow",
        {"figure": "Composition of the events"},
        inputs=PERFORMANCE,
        params=PFLOW_NAMES,
    ),
    *(
        Figure(
            f"particleflow/pflow_guns_{Path(path).stem}",
            "reporting.particleflow_guns.totals",
            "Particle flow",
            {"figure": "Single particles: total energy"},
            inputs=dict(validation=path),
            caption="pflow_guns",
        )
        for path in VALIDATED_GUNS
    ),
    Table(
        "particleflow/pflow_comparison",
        "reporting.particleflow.comparison",
        "Particle flow",
        {"figure": "Comparison of the algorithms (table)"},
        inputs=PERFORMANCE,
        params=PFLOW_NAMES,
        caption="pflow_comparison",
    ),
    Table(
        "particleflow/pflow_jets_table",
        "reporting.particleflow_jets.table",
        "Particle flow",
        {"figure": "Jets of the algorithms (table)"},
        inputs=PFLOW_JETS,
        params=PFLOW_NAMES,
        caption="pflow_jets_table",
    ),
]

# Of `pflow_choice`, not of `all`; nothing where no other algorithm is named, nor what is compared.
CHOICE_INPUTS = dict(
    taggers=expand(
        f"results/tagging/{CHOSEN}/compared.json",
        algorithm=CHOSEN_ALGORITHMS if CHOICE.taggers else [],
    ),
    searches=expand(
        f"results/anomaly/{CHOSEN}/compared.json",
        algorithm=CHOSEN_ALGORITHMS if CHOSEN_SEARCHES else [],
    ),
)
CHOICE_NAMES = dict(
    algorithms=labels(
        "particleflow.algorithms", [CONFIG.jets.algorithm, *CHOSEN_ALGORITHMS]
    ),
    models=labels("tagging.models", CHOICE.taggers),
    methods=labels("anomaly.methods", CHOSEN_SEARCHES),
)
PFLOW_CHOICE = [
    Figure(
        "particleflow/pflow_choice",
        "reporting.pflow_choice.figure",
        "Particle flow",
        {"figure": "Taggers and searches by algorithm"},
        inputs=CHOICE_INPUTS,
        params=CHOICE_NAMES | dict(reference=CONFIG.jets.algorithm),
    ),
    *(
        Table(
            f"particleflow/pflow_choice_{name}",
            f"reporting.pflow_choice.{name}",
            "Particle flow",
            {"figure": f"{name.capitalize()} by algorithm (table)"},
            inputs={name: files},
            params={
                "algorithms": CHOICE_NAMES["algorithms"],
                names: CHOICE_NAMES[names],
            },
            caption="pflow_choice_tables",
        )
        for (name, files), names in zip(CHOICE_INPUTS.items(), ("models", "methods"))
    ),
]


# Of `pflow_transfer`, not of `all`.
TRANSFER_CURVE = dict(
    curve=f"results/particleflow/transfer/{TRANSFER.algorithm}/curve.json"
)
TRANSFER_NAME = dict(labels=labels("particleflow.algorithms", [TRANSFER.algorithm]))
PFLOW_TRANSFER = [
    Figure(
        "particleflow/pflow_transfer",
        "reporting.particleflow_transfer.curve",
        "Particle flow",
        {"figure": "A network in another detector"},
        inputs=TRANSFER_CURVE,
        params=TRANSFER_NAME,
    ),
    Table(
        "particleflow/pflow_transfer_table",
        "reporting.particleflow_transfer.table",
        "Particle flow",
        {"figure": "A network in another detector (table)"},
        inputs=TRANSFER_CURVE,
    ),
]
