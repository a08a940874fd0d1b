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
NAMES = dict(labels=labels("particleflow.algorithms", COMPARED))


FIGURES |= {
    "particleflow/pflow_efficiency": Figure(
        "reporting.particleflow.efficiency",
        "Particle flow",
        {"figure": "Efficiency and fake rate"},
        inputs=PERFORMANCE,
        params=NAMES,
    ),
    "particleflow/pflow_resolution": Figure(
        "reporting.particleflow.resolution",
        "Particle flow",
        {"figure": "Response and resolution"},
        inputs=PERFORMANCE,
        params=NAMES,
    ),
    "particleflow/pflow_residuals": Figure(
        "reporting.particleflow.residuals",
        "Particle flow",
        {"figure": "Residuals"},
        inputs=HISTOGRAMS,
        params=NAMES,
    ),
    "particleflow/pflow_response": Figure(
        "reporting.particleflow.response",
        "Particle flow",
        {"figure": "Response in a cone"},
        inputs=HISTOGRAMS,
        params=NAMES,
    ),
    "particleflow/pflow_calibration": Figure(
        "reporting.particleflow.calibration",
        "Particle flow",
        {"figure": "Expected response"},
        inputs=dict(calibration="results/particleflow/calibration.json"),
    ),
    "particleflow/pflow_comparison": Figure(
        "reporting.particleflow.comparison",
        "Particle flow",
        {"figure": "Comparison of the algorithms (table)"},
        inputs=PERFORMANCE,
        params=NAMES,
        kind="table",
    ),
}
