# Tagging: the data set of labelled jets, the taggers, and their figures of merit.
from jetchain.core.schema.jets import JET_CLASSES

TAGGERS = CONFIG.tagging.taggers


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
    resources:
        mem_mb=2000,
    params:
        **job("tagging.features", settings="tagging.features"),
    shell:
        launch()


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
        **job(
            "tagging.train",
            settings={
                "training": "tagging.training",
                "model": "tagging.models.{model}",
            },
            seed=["tagging.train", "{model}"],
            members=["tagging.models.{model}"],
        ),
    shell:
        launch()


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
    resources:
        mem_mb=1500,
    params:
        **job(
            "tagging.evaluate",
            settings={
                "evaluation": "tagging.evaluation",
                "model": "tagging.models.{model}",
            },
            seed=["tagging.evaluate", "{model}"],
            members=["tagging.models.{model}"],
        ),
    shell:
        launch()


rule explain_tagger:
    input:
        dataset="results/tagging/dataset.safetensors",
        weights="results/tagging/{model}/weights.safetensors",
    output:
        maps="results/tagging/{model}/explanation_maps.json",
        importance="results/tagging/{model}/explanation.json",
    log:
        "results/logs/tagging/explain/{model}.log",
    resources:
        mem_mb=1500,
    params:
        **job(
            "tagging.explain",
            settings={"explain": "tagging.explain", "model": "tagging.models.{model}"},
            members=["tagging.models.{model}"],
        ),
    shell:
        launch()


rule bench_tagging:
    output:
        report="results/bench/tagging.json",
    log:
        "results/logs/tagging/bench.log",
    params:
        **job(
            "tagging.bench",
            settings="tagging.bench",
            seed=["tagging.bench"],
            members=["tagging.models.particlenet", "tagging.models.pfn"],
        ),
    shell:
        launch()


BENCHES.append("results/bench/tagging.json")
TARGETS["tagging"] = expand("results/tagging/{model}/metrics.json", model=TAGGERS)
