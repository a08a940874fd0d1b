# Tagging: the data set of labelled jets, the taggers, and their figures of merit.
from jetchain.core.schema.jets import JET_CLASSES


rule tagging_features:
    input:
        graphs=shards(
            f"results/graphs/jets/{CONFIG.jets.algorithm}/{{sample}}/{{shard}}.safetensors",
            JET_CLASSES,
        ),
    output:
        dataset="results/tagging/dataset.safetensors",
        summary="results/tagging/summary.json",
    log:
        "results/logs/tagging/features.log",
    threads: 1
    resources:
        mem_mb=2000,
    params:
        settings=section("tagging.features"),
        code=code_digest("tagging.features"),
    shell:
        launch("tagging.features")


rule train_tagger:
    input:
        dataset="results/tagging/dataset.safetensors",
    output:
        weights="results/tagging/{model}/weights.safetensors",
        history="results/tagging/{model}/history.csv",
    log:
        "results/logs/tagging/train/{model}.log",
    threads: CONFIG.tagging.training.threads
    resources:
        mem_mb=2000,
    params:
        settings=section(training="tagging.training", model="tagging.models.{model}"),
        seed=job_seed("tagging.train", "{model}"),
        code=code_digest("tagging.train", "tagging.models.{model}"),
    shell:
        launch("tagging.train")


rule evaluate_tagger:
    input:
        dataset="results/tagging/dataset.safetensors",
        weights="results/tagging/{model}/weights.safetensors",
    output:
        scores="results/tagging/{model}/scores.safetensors",
        metrics="results/tagging/{model}/metrics.json",
        roc="results/tagging/{model}/roc.csv",
        histograms="results/tagging/{model}/histograms.json",
    log:
        "results/logs/tagging/evaluate/{model}.log",
    threads: 1
    resources:
        mem_mb=1500,
    params:
        settings=section(
            evaluation="tagging.evaluation", model="tagging.models.{model}"
        ),
        seed=job_seed("tagging.evaluate", "{model}"),
        code=code_digest("tagging.evaluate", "tagging.models.{model}"),
    shell:
        launch("tagging.evaluate")


rule explain_tagger:
    input:
        dataset="results/tagging/dataset.safetensors",
        weights="results/tagging/{model}/weights.safetensors",
    output:
        maps="results/tagging/{model}/explanation_maps.json",
        importance="results/tagging/{model}/explanation.json",
    log:
        "results/logs/tagging/explain/{model}.log",
    threads: 1
    resources:
        mem_mb=1500,
    params:
        settings=section(explain="tagging.explain", model="tagging.models.{model}"),
        code=code_digest("tagging.explain", "tagging.models.{model}"),
    shell:
        launch("tagging.explain")


rule bench_tagging:
    output:
        report="results/bench/tagging.json",
    log:
        "results/logs/tagging/bench.log",
    threads: 1
    params:
        settings=section("tagging.bench"),
        seed=job_seed("tagging.bench"),
        code=code_digest(
            "tagging.bench", "tagging.models.particlenet", "tagging.models.pfn"
        ),
    shell:
        launch("tagging.bench")


BENCHES.append("results/bench/tagging.json")
TARGETS["tagging"] = expand(
    "results/tagging/{model}/metrics.json", model=CONFIG.tagging.taggers
)
