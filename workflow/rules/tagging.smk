# Tagging: the data set of labelled jets, the taggers, and their figures of merit.
from jetchain.tagging.models import MODELS, OWN
from jetchain.tagging.class_settings import samples_of
from jetchain.tagging.settings import DatasetSettings, SelectionSettings

TAGGERS = CONFIG.tagging.taggers
# The network of the user's is one of them once it is named.
ALL_TAGGERS = [
    name for name in MODELS if name != OWN or CONFIG.tagging.models.own.network
]
PARTS = ["8", "4", "2"]  # one of so many training jets, for the learning curve
REPETITIONS = range(1, 1 + CONFIG.tagging.repetitions)
# What trains a tagger again, and measures it.
AGAIN = {
    "training": "tagging.training",
    "feature_set": "tagging.feature_set",
    "standardisation": "tagging.standardisation",
    "model": "tagging.models.{model}",
    "batch_size": "tagging.evaluation.batch_size",
    "bootstrap_replicas": "tagging.evaluation.bootstrap_replicas",
    "pairs": "tagging.pairs",
}
SAMPLES_OF_TAGGING = samples_of(CONFIG.tagging.classes)
JETS_OF_TAGGING = shards(
    "results/tagging/jets/{sample}/{shard}.safetensors", SAMPLES_OF_TAGGING
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
            }
            | {"classes": "tagging.classes"},
        ),
    shell:
        LAUNCH


rule tagging_dataset:
    input:
        jets=JETS_OF_TAGGING,
        cutflows=shards(
            "results/tagging/jets/{sample}/{shard}.json", SAMPLES_OF_TAGGING
        ),
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
        **job("tagging.kinematics", seed=["tagging.kinematics"]),
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
    priority: signed(training_length)
    threads: tagger_threads
    params:
        **job(
            "tagging.train",
            settings={
                "training": "tagging.training",
                "feature_set": "tagging.feature_set",
                "standardisation": "tagging.standardisation",
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
            settings={"evaluation": "tagging.evaluation", "pairs": "tagging.pairs"},
            seed=["tagging.evaluate", "{model}"],
            members=["tagging.models.{model}"],
        ),
    shell:
        LAUNCH


rule pair_taggers:
    input:
        scores=expand("results/tagging/{model}/scores.safetensors", model=TAGGERS),
        metrics=expand("results/tagging/{model}/metrics.json", model=TAGGERS),
    output:
        result="results/tagging/paired.json",
    log:
        "results/logs/tagging/paired.log",
    params:
        **job(
            "tagging.paired",
            settings={
                "bootstrap_replicas": "tagging.evaluation.bootstrap_replicas",
                "pairs": "tagging.pairs",
            },
            seed=["tagging.paired"],
        ),
    shell:
        LAUNCH


rule sculpt_taggers:
    input:
        scores=expand("results/tagging/{model}/scores.safetensors", model=TAGGERS),
        metrics=expand("results/tagging/{model}/metrics.json", model=TAGGERS),
    output:
        result="results/tagging/sculpting.json",
    log:
        "results/logs/tagging/sculpting.log",
    params:
        **job(
            "tagging.sculpting",
            settings={
                "bootstrap_replicas": "tagging.evaluation.bootstrap_replicas",
                "pairs": "tagging.pairs",
            },
            seed=["tagging.sculpting"],
        ),
    shell:
        LAUNCH


rule bin_taggers:
    input:
        scores=expand("results/tagging/{model}/scores.safetensors", model=TAGGERS),
        metrics=expand("results/tagging/{model}/metrics.json", model=TAGGERS),
    output:
        result="results/tagging/dependence.json",
    log:
        "results/logs/tagging/dependence.log",
    params:
        **job(
            "tagging.dependence",
            settings={
                "bootstrap_replicas": "tagging.evaluation.bootstrap_replicas",
                "pairs": "tagging.pairs",
            },
            seed=["tagging.dependence"],
        ),
    shell:
        LAUNCH


rule calibrate_taggers:
    input:
        scores=expand("results/tagging/{model}/scores.safetensors", model=TAGGERS),
        metrics=expand("results/tagging/{model}/metrics.json", model=TAGGERS),
    output:
        result="results/tagging/calibration.json",
    log:
        "results/logs/tagging/calibration.log",
    params:
        **job(
            "tagging.calibration",
            settings={
                "bootstrap_replicas": "tagging.evaluation.bootstrap_replicas",
            },
            seed=["tagging.calibration"],
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
            settings={"explain": "tagging.explain", "pairs": "tagging.pairs"},
            members=["tagging.models.{model}"],
        ),
    shell:
        LAUNCH


rule learn_tagger:
    input:
        dataset="results/tagging/dataset.json",
        jets=JETS_OF_TAGGING,
    output:
        metrics="results/tagging/{model}/learning/{part}.json",
    log:
        "results/logs/tagging/learning/{model}/{part}.log",
    wildcard_constraints:
        part=one_of(PARTS),
    priority: signed(training_length)
    threads: tagger_threads
    params:
        **job(
            "tagging.learning",
            settings=AGAIN,
            seed=["tagging.learning", "{model}", "{part}"],
            members=["tagging.models.{model}"],
        ),
    shell:
        LAUNCH


rule repeat_tagger:
    input:
        dataset="results/tagging/dataset.json",
        jets=JETS_OF_TAGGING,
    output:
        metrics="results/tagging/{model}/repetitions/{repetition}.json",
    log:
        "results/logs/tagging/repetitions/{model}/{repetition}.log",
    wildcard_constraints:
        repetition="[0-9]+",
    priority: signed(training_length)
    threads: tagger_threads
    params:
        **job(
            "tagging.learning.repeated",
            settings=AGAIN,
            seed=["tagging.repeated", "{model}", "{repetition}"],
            members=["tagging.models.{model}"],
        ),
    shell:
        LAUNCH


rule score_jets:
    input:
        weights="results/tagging/{model}/weights.safetensors",
        graphs=f"results/graphs/jets/{CONFIG.jets.algorithm}/{{sample}}/{{shard}}.safetensors",
    output:
        scores="results/tagging/{model}/scores/{sample}/{shard}.safetensors",
    log:
        "results/logs/tagging/score/{model}/{sample}/{shard}.log",
    params:
        **job("tagging.score", members=["tagging.models.{model}"]),
    shell:
        LAUNCH


rule export_tagger:
    input:
        weights="results/tagging/{model}/weights.safetensors",
    output:
        graph="results/tagging/{model}/tagger.onnx",
        report="results/tagging/{model}/export.json",
    log:
        "results/logs/tagging/export/{model}.log",
    params:
        **job(
            "tagging.export",
            seed=["tagging.export", "{model}"],
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
            members=[
                f"tagging.models.{model}" for model in ("particlenet", "part", "pfn")
            ],
        ),
    shell:
        LAUNCH


rule bench_taggers:
    output:
        report="results/bench/taggers.json",
    log:
        "results/logs/tagging/times.log",
    params:
        **job(
            "tagging.times",
            settings={
                "bench": "tagging.bench",
                "models": "tagging.models",
                "feature_set": "tagging.feature_set",
            },
            seed=["tagging.times"],
            members=[f"tagging.models.{model}" for model in ALL_TAGGERS],
        ),
    shell:
        LAUNCH


BENCHES += ["results/bench/tagging.json", "results/bench/taggers.json"]
TARGETS["tagging"] = expand("results/tagging/{model}/metrics.json", model=TAGGERS)
