# Figures of the anomaly room.


rule figure_significance_improvement:
    input:
        curves="results/anomaly/sic.csv",
        metrics="results/anomaly/metrics.json",
    output:
        **figure(
            "anomaly/significance_improvement",
            "Anomaly",
            {"figure": "Significance improvement"},
        ),
    log:
        "results/logs/reporting/anomaly/significance_improvement.log",
    threads: 1
    params:
        published=resource_name("published/anomaly.json"),
        code=code_digest("reporting.anomaly.sic"),
    shell:
        launch("reporting.anomaly.sic")


TARGETS["reporting"] += ["results/reporting/anomaly/significance_improvement.png"]
