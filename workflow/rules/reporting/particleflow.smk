# Figures of the particle-flow room.


FIGURES += [
    Figure(
        "particleflow/pflow_efficiency",
        "reporting.particleflow.efficiency",
        "Particle flow",
        {"figure": "Efficiency and fake rate"},
        inputs=dict(
            parametric="results/particleflow/performance/parametric.json",
            mlpf="results/particleflow/performance/mlpf.json",
        ),
    ),
    Figure(
        "particleflow/pflow_resolution",
        "reporting.particleflow.resolution",
        "Particle flow",
        {"figure": "Response and resolution"},
        inputs=dict(
            parametric="results/particleflow/performance/parametric.json",
            mlpf="results/particleflow/performance/mlpf.json",
        ),
    ),
    Figure(
        "particleflow/pflow_residuals",
        "reporting.particleflow.residuals",
        "Particle flow",
        {"figure": "Residuals"},
        inputs=dict(
            parametric="results/particleflow/performance/parametric_histograms.json",
            mlpf="results/particleflow/performance/mlpf_histograms.json",
        ),
    ),
    Figure(
        "particleflow/pflow_response",
        "reporting.particleflow.response",
        "Particle flow",
        {"figure": "Response in a cone"},
        inputs=dict(
            parametric="results/particleflow/performance/parametric_histograms.json",
            mlpf="results/particleflow/performance/mlpf_histograms.json",
        ),
    ),
    Figure(
        "particleflow/pflow_calibration",
        "reporting.particleflow.calibration",
        "Particle flow",
        {"figure": "Expected response"},
        inputs=dict(calibration="results/particleflow/calibration.json"),
    ),
    Table(
        "particleflow/pflow_comparison",
        "reporting.particleflow.comparison",
        "Particle flow",
        {"figure": "Comparison of the algorithms (table)"},
        inputs=dict(
            parametric="results/particleflow/performance/parametric.json",
            mlpf="results/particleflow/performance/mlpf.json",
        ),
        caption="pflow_comparison",
    ),
]
