# Figures of the particle-flow room.


rule figure_pflow_efficiency:
    input:
        parametric="results/particleflow/performance/parametric.json",
        mlpf="results/particleflow/performance/mlpf.json",
    output:
        **figure(
            "particleflow/pflow_efficiency",
            "Particle flow",
            {"figure": "Efficiency and fake rate"},
        ),
    log:
        "results/logs/reporting/particleflow/pflow_efficiency.log",
    threads: 1
    params:
        code=code_digest("reporting.particleflow.efficiency"),
    shell:
        launch("reporting.particleflow.efficiency")


rule figure_pflow_resolution:
    input:
        parametric="results/particleflow/performance/parametric.json",
        mlpf="results/particleflow/performance/mlpf.json",
    output:
        **figure(
            "particleflow/pflow_resolution",
            "Particle flow",
            {"figure": "Response and resolution"},
        ),
    log:
        "results/logs/reporting/particleflow/pflow_resolution.log",
    threads: 1
    params:
        code=code_digest("reporting.particleflow.resolution"),
    shell:
        launch("reporting.particleflow.resolution")


rule figure_pflow_residuals:
    input:
        parametric="results/particleflow/performance/parametric_histograms.json",
        mlpf="results/particleflow/performance/mlpf_histograms.json",
    output:
        **figure(
            "particleflow/pflow_residuals", "Particle flow", {"figure": "Residuals"}
        ),
    log:
        "results/logs/reporting/particleflow/pflow_residuals.log",
    threads: 1
    params:
        code=code_digest("reporting.particleflow.residuals"),
    shell:
        launch("reporting.particleflow.residuals")


rule figure_pflow_response:
    input:
        parametric="results/particleflow/performance/parametric_histograms.json",
        mlpf="results/particleflow/performance/mlpf_histograms.json",
    output:
        **figure(
            "particleflow/pflow_response",
            "Particle flow",
            {"figure": "Response in a cone"},
        ),
    log:
        "results/logs/reporting/particleflow/pflow_response.log",
    threads: 1
    params:
        code=code_digest("reporting.particleflow.response"),
    shell:
        launch("reporting.particleflow.response")


rule figure_pflow_calibration:
    input:
        calibration="results/particleflow/calibration.json",
    output:
        **figure(
            "particleflow/pflow_calibration",
            "Particle flow",
            {"figure": "Expected response"},
        ),
    log:
        "results/logs/reporting/particleflow/pflow_calibration.log",
    threads: 1
    params:
        code=code_digest("reporting.particleflow.calibration"),
    shell:
        launch("reporting.particleflow.calibration")


rule table_pflow_comparison:
    input:
        parametric="results/particleflow/performance/parametric.json",
        mlpf="results/particleflow/performance/mlpf.json",
    output:
        table=report(
            "results/reporting/particleflow/pflow_comparison.csv",
            caption="../../report/pflow_comparison.rst",
            category="Particle flow",
            labels={"figure": "Comparison of the algorithms (table)"},
        ),
    log:
        "results/logs/reporting/particleflow/pflow_comparison.log",
    threads: 1
    params:
        code=code_digest("reporting.particleflow.comparison"),
    shell:
        launch("reporting.particleflow.comparison")


TARGETS["reporting"] += [
    "results/reporting/particleflow/pflow_efficiency.png",
    "results/reporting/particleflow/pflow_resolution.png",
    "results/reporting/particleflow/pflow_residuals.png",
    "results/reporting/particleflow/pflow_response.png",
    "results/reporting/particleflow/pflow_calibration.png",
    "results/reporting/particleflow/pflow_comparison.csv",
]
