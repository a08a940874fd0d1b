# Tagging: the data set of labelled jets, the taggers, and their figures of merit.
from jetchain.core.schema.jets import JET_CLASSES
from jetchain.tagging.settings import DatasetSettings, SelectionSettings

TAGGERS = CONFIG.tagging.taggers


JETS_OF_TAGGING = shards(
    "results/tagging/jets/{sample}/{shard}.safetensors", JET_CLASSES
)


rule tagging_features:
    input:
        graphs=f"results/graphs/jets/{CONFIG.jets.algorithm}/{{sample}}/{{shard}}.safetensors",
    output:
        jets="results/tagging/jets/{sample}/{shard}.safetensors",
        cutflow="results/tagging/jets/{sample}/{shard}.json",
    log:
        "results/logs/tagging/features/{sample}/{shard}.log",
    params:
        **job(
            "tagging.features",
            settings={
                name: f"tagging.features.{name}"
                for name in SelectionSettings.model_fields
            },
        ),
    shell:
        LAUNCH


rule tagging_dataset:
    input:
        jets=JETS_OF_TAGGING,
        cutflows=shards("results/tagging/jets/{sample}/{shard}.json", JET_CLASSES),
    output:
        dataset="results/tagging/dataset.json",
        summary="results/tagging/summary.json",
    log:
        "results/logs/tagging/dataset.log",
    params:
        **job(
            "tagging.dataset",
            settings={
                name: f"tagging.features.{name}"
                for name in DatasetSettings.model_fields
            },
        ),
    shell:
        LAUNCH


rule tagging_kinematics:
    input:
        dataset="results/tagging/dataset.json",
        jets=JETS_OF_TAGGING,
    output:
        result="results/tagging/kinematics.json",
    log:
        "results/logs/tagging/kinematics.log",
    params:
        **job("tagging.kinematics"),
    shell:
        LAUNCH


rule train_tagger:
    input:
        dataset="results/tagging/dataset.json",
        jets=JETS_OF_TAGGING,
    output:
        weights="results/tagging/{model}/weights.safetensors",
        history="results/tagging/{model}/history.csv",
    log:
        "results/logs/tagging/train/{model}.log",
    threads: CONFIG.tagging.training.threads
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
        LAUNCH


rule evaluate_tagger:
    input:
        dataset="results/tagging/dataset.json",
        jets=JETS_OF_TAGGING,
        weights="results/tagging/{model}/weights.safetensors",
    output:
        scores="results/tagging/{model}/scores.safetensors",
        metrics="results/tagging/{model}/metrics.json",
        roc="results/tagging/{model}/roc.csv",
        histograms="results/tagging/{model}/histograms.json",
    log:
        "results/logs/tagging/evaluate/{model}.log",
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
        LAUNCH


rule explain_tagger:
    input:
        dataset="results/tagging/dataset.json",
        jets=JETS_OF_TAGGING,
        weights="results/tagging/{model}/weights.safetensors",
    output:
        maps="results/tagging/{model}/explanation_maps.json",
        importance="results/tagging/{model}/explanation.json",
    log:
        "results/logs/tagging/explain/{model}.log",
    params:
        **job(
            "tagging.explain",
            settings={"explain": "tagging.explain", "model": "tagging.models.{model}"},
            members=["tagging.models.{model}"],
        ),
    shell:
        LAUNCH


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
        LAUNCH


BENCHES.append("results/bench/tagging.json")
TARGETS["tagging"] = expand("results/tagging/{model}/metrics.json", model=TAGGERS)
