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
    threads: 1
    resources:
        mem_mb=1500,
    params:
        settings=section("anomaly.features"),
        seed=job_seed("anomaly.features"),
        code=code_digest("anomaly.features"),
    shell:
        launch("anomaly.features")


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
    threads: 1
    params:
        settings=section(
            signal_region="anomaly.signal_region", boosting="anomaly.boosting"
        ),
        seed=job_seed("anomaly.train.reference", "{model}"),
        code=code_digest("anomaly.train.reference", "anomaly.models.{model}"),
    shell:
        launch("anomaly.train.reference")


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
    threads: 1
    params:
        seed=job_seed("anomaly.train.outlier", "{model}"),
        code=code_digest("anomaly.train.outlier", "anomaly.models.{model}"),
    shell:
        launch("anomaly.train.outlier")


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
    threads: 1
    params:
        settings=section(
            signal_region="anomaly.signal_region", evaluation="anomaly.evaluation"
        ),
        seed=job_seed("anomaly.evaluate"),
        code=code_digest("anomaly.evaluate"),
    shell:
        launch("anomaly.evaluate")


TARGETS["anomaly"] = ["results/anomaly/metrics.json", "results/anomaly/sic.csv"]
