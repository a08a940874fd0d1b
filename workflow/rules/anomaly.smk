# Anomaly: dijet events with a hidden signal, references and outlier scores, and their comparison.

ANOMALY_REFERENCES = ["supervised", "idealised"]
ANOMALY_OUTLIERS = ["isolation_forest", "mahalanobis"]
ANOMALY_SEARCHES = ["cwola", "cathode", "disco"]  # made in the background room
ANOMALY_SCORED = [
    *[f"results/anomaly/{model}" for model in ANOMALY_REFERENCES],
    *[f"results/background/{method}" for method in ANOMALY_SEARCHES],
    *[f"results/anomaly/{model}" for model in ANOMALY_OUTLIERS],
]


rule make_dijets:
    input:
        background=shards(
            f"results/jets/{CONFIG.jets.algorithm}/{{sample}}/{{shard}}.root",
            CONFIG.anomaly.background,
        ),
        signal=shards(
            f"results/jets/{CONFIG.jets.algorithm}/{{sample}}/{{shard}}.root",
            CONFIG.anomaly.signal,
        ),
    output:
        data="results/anomaly/data.safetensors",
        truth="results/anomaly/truth.safetensors",
        signal_test="results/anomaly/signal_test.safetensors",
        cutflow="results/anomaly/cutflow.json",
        histograms="results/anomaly/histograms.json",
    log:
        "results/logs/anomaly/features.log",
    resources:
        mem_mb=1500,
    params:
        **job(
            "anomaly.features", settings="anomaly.features", seed=["anomaly.features"]
        ),
    shell:
        launch()


rule train_anomaly_reference:
    input:
        data="results/anomaly/data.safetensors",
        truth="results/anomaly/truth.safetensors",
        signal_test="results/anomaly/signal_test.safetensors",
    output:
        scores="results/anomaly/{model}/scores.safetensors",
        signal_scores="results/anomaly/{model}/signal_scores.safetensors",
    log:
        "results/logs/anomaly/train/{model}.log",
    wildcard_constraints:
        model="|".join(ANOMALY_REFERENCES),
    params:
        **job(
            "anomaly.train.reference",
            settings={
                "signal_region": "anomaly.signal_region",
                "boosting": "anomaly.boosting",
            },
            seed=["anomaly.train.reference", "{model}"],
            members=["anomaly.models.{model}"],
        ),
    shell:
        launch()


rule train_anomaly_outlier:
    input:
        data="results/anomaly/data.safetensors",
        signal_test="results/anomaly/signal_test.safetensors",
    output:
        scores="results/anomaly/{model}/scores.safetensors",
        signal_scores="results/anomaly/{model}/signal_scores.safetensors",
    log:
        "results/logs/anomaly/train/{model}.log",
    wildcard_constraints:
        model="|".join(ANOMALY_OUTLIERS),
    params:
        **job(
            "anomaly.train.outlier",
            seed=["anomaly.train.outlier", "{model}"],
            members=["anomaly.models.{model}"],
        ),
    shell:
        launch()


rule evaluate_anomaly:
    input:
        data="results/anomaly/data.safetensors",
        truth="results/anomaly/truth.safetensors",
        signal_test="results/anomaly/signal_test.safetensors",
        scores=[f"{folder}/scores.safetensors" for folder in ANOMALY_SCORED],
        signal_scores=[
            f"{folder}/signal_scores.safetensors" for folder in ANOMALY_SCORED
        ],
    output:
        metrics="results/anomaly/metrics.json",
        curves="results/anomaly/sic.csv",
    log:
        "results/logs/anomaly/evaluate.log",
    params:
        **job(
            "anomaly.evaluate",
            settings={
                "signal_region": "anomaly.signal_region",
                "evaluation": "anomaly.evaluation",
            },
            seed=["anomaly.evaluate"],
        ),
    shell:
        launch()


TARGETS["anomaly"] = ["results/anomaly/metrics.json", "results/anomaly/sic.csv"]
