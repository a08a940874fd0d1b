# Figures of the particle-flow room.


FIGURES |= {
    "particleflow/pflow_efficiency": Figure(
        "reporting.particleflow.efficiency",
        "Particle flow",
        {"figure": "Efficiency and fake rate"},
        inputs=dict(
            parametric="results/particleflow/performance/parametric.json",
            mlpf="results/particleflow/performance/mlpf.json",
        ),
    ),
    "particleflow/pflow_resolution": Figure(
        "reporting.particleflow.resolution",
        "Particle flow",
        {"figure": "Response and resolution"},
        inputs=dict(
            parametric="results/particleflow/performance/parametric.json",
            mlpf="results/particleflow/performance/mlpf.json",
        ),
    ),
    "particleflow/pflow_residuals": Figure(
        "reporting.particleflow.residuals",
        "Particle flow",
        {"figure": "Residuals"},
        inputs=dict(
            parametric="results/particleflow/performance/parametric_histograms.json",
            mlpf="results/particleflow/performance/mlpf_histograms.json",
        ),
    ),
    "particleflow/pflow_response": Figure(
        "reporting.particleflow.response",
        "Particle flow",
        {"figure": "Response in a cone"},
        inputs=dict(
            parametric="results/particleflow/performance/parametric_histograms.json",
            mlpf="results/particleflow/performance/mlpf_histograms.json",
        ),
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
        inputs=dict(
            parametric="results/particleflow/performance/parametric.json",
            mlpf="results/particleflow/performance/mlpf.json",
        ),
        caption="pflow_comparison",
        kind="table",
    ),
}
