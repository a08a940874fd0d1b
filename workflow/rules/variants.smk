# Taggers on jets that are made otherwise than those of the run, from the same events: applied as
# they are, and trained on them. The files lie below a folder of the variant as those of the run do;
# of `pflow_choice` and `pileup_dependence`, not of `all`.
SIMULATED_AGAIN = names_of(None, "hepmc3", "lhe", "delphes")
VARIANT = "results/tagging/{variant}"
VARIANT_JETS = f"{VARIANT}/jets/{{sample}}/{{shard}}"
VARIED = dict(
    dataset=f"{VARIANT}/dataset.json",
    jets=shards_of_variant(f"{VARIANT_JETS}.safetensors"),
)


use rule tagging_features as variant_features with:
    input:
        graphs=graphs_of_variant,
    output:
        jets=f"{VARIANT_JETS}.safetensors",
        cutflow=f"{VARIANT_JETS}.json",
    log:
        "results/logs/tagging/{variant}/features/{sample}/{shard}.log",


use rule tagging_dataset as variant_dataset with:
    input:
        jets=VARIED["jets"],
        cutflows=shards_of_variant(f"{VARIANT_JETS}.json"),
    output:
        dataset=f"{VARIANT}/dataset.json",
        summary=f"{VARIANT}/summary.json",
    log:
        "results/logs/tagging/{variant}/dataset.log",


use rule train_tagger as variant_train with:
    input:
        **VARIED,
    output:
        weights=f"{VARIANT}/{{model}}/weights.safetensors",
        history=f"{VARIANT}/{{model}}/history.csv",
    log:
        "results/logs/tagging/{variant}/train/{model}.log",


use rule evaluate_tagger as variant_own with:
    input:
        **VARIED,
        weights=f"{VARIANT}/{{model}}/weights.safetensors",
    output:
        scores=f"{VARIANT}/{{model}}/own/scores.safetensors",
        metrics=f"{VARIANT}/{{model}}/own/metrics.json",
        roc=f"{VARIANT}/{{model}}/own/roc.csv",
        histograms=f"{VARIANT}/{{model}}/own/histograms.json",
    log:
        "results/logs/tagging/{variant}/own/{model}.log",


# The same network as on the jets of the run.
use rule evaluate_tagger as variant_applied with:
    input:
        **VARIED,
        weights="results/tagging/{model}/weights.safetensors",
    output:
        scores=f"{VARIANT}/{{model}}/applied/scores.safetensors",
        metrics=f"{VARIANT}/{{model}}/applied/metrics.json",
        roc=f"{VARIANT}/{{model}}/applied/roc.csv",
        histograms=f"{VARIANT}/{{model}}/applied/histograms.json",
    log:
        "results/logs/tagging/{variant}/applied/{model}.log",
