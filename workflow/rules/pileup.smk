# Taggers against pile-up: the collisions of the tagging samples, simulated again with each mean
# number of others laid over them. Of `pileup_dependence`, not of `all`.
from jetchain.detector.settings import SimulationSettings

WITH_PILEUP = "pileup/{mean}"
MITIGATED = f"{WITH_PILEUP}/{{mitigation}}"
PILED_UP = f"{WITH_PILEUP}/{{sample}}/{{shard}}"
PILEUP_PARTICLES = (
    f"results/particleflow/{WITH_PILEUP}/{{algorithm}}/{{sample}}/{{shard}}.root"
)
OWN_PARTICLES = PILEUP_PARTICLES.replace("{algorithm}", CONFIG.jets.algorithm)


use rule simulate_detector as simulate_pileup with:
    output:
        output=temp(f"results/detector/{PILED_UP}.root"),
        account=f"results/detector/{PILED_UP}.json",
    log:
        f"results/logs/detector/{PILED_UP}.log",
    wildcard_constraints:
        sample=SIMULATED_AGAIN,
    params:
        **job(
            "detector.simulate",
            geometry=GEOMETRY,
            settings={
                name: f"detector.simulation.{name}"
                for name in SimulationSettings.model_fields
            }
            | {"pileup": "derived.pileup.{mean}"},
            # That of simulate_detector: without pile-up the events are those of the run.
            seed=["detector.simulate", "{sample}", "{shard}"],
        ),


use rule event_graphs as pileup_event_graphs with:
    input:
        detected=f"results/detector/{PILED_UP}.root",
    output:
        graphs=temp(f"results/graphs/events/{PILED_UP}.safetensors"),
        cutflow=f"results/graphs/events/{PILED_UP}.json",
    log:
        f"results/logs/graphs/events/{PILED_UP}.log",


use rule untrained_particleflow as pileup_untrained with:
    input:
        detected=f"results/detector/{PILED_UP}.root",
        calibrations=calibrations,
    output:
        particles=PILEUP_PARTICLES,
    log:
        f"results/logs/particleflow/{WITH_PILEUP}/{{algorithm}}/{{sample}}/{{shard}}.log",


use rule trained_particleflow as pileup_trained with:
    input:
        graphs=f"results/graphs/events/{PILED_UP}.safetensors",
        weights="results/particleflow/{algorithm}/weights.safetensors",
    output:
        particles=PILEUP_PARTICLES,
    log:
        f"results/logs/particleflow/{WITH_PILEUP}/{{algorithm}}/{{sample}}/{{shard}}.log",


# The calibration is that of the run.
use rule cluster_jets as pileup_jets with:
    input:
        truth="results/generate/{sample}/{shard}.root",
        particles=OWN_PARTICLES,
        calibration=expand(JET_CALIBRATION, algorithm=CONFIG.jets.algorithm),
    output:
        jets=f"results/jets/{MITIGATED}/{{sample}}/{{shard}}.root",
    log:
        f"results/logs/jets/{MITIGATED}/{{sample}}/{{shard}}.log",
    params:
        **job(
            "jets.cluster",
            settings=JET_CLUSTERING
            | {
                "pileup": "derived.mitigations.{mitigation}",
                "pileup_mean": "derived.pileup.{mean}.mean",
                "track_eta_max": "detector.simulation.track_eta_max",
            },
        ),


use rule jet_graphs as pileup_jet_graphs with:
    input:
        jets=f"results/jets/{MITIGATED}/{{sample}}/{{shard}}.root",
        particles=OWN_PARTICLES,
    output:
        graphs=f"results/graphs/jets/{MITIGATED}/{{sample}}/{{shard}}.safetensors",
        cutflow=f"results/graphs/jets/{MITIGATED}/{{sample}}/{{shard}}.json",
    log:
        f"results/logs/graphs/jets/{MITIGATED}/{{sample}}/{{shard}}.log",


rule compare_pileup:
    input:
        dataset="results/tagging/dataset.json",
        jets=JETS_OF_TAGGING,
        other_dataset=f"results/tagging/{MITIGATED}/dataset.json",
        other_jets=shards_of_variant(
            f"results/tagging/{MITIGATED}/jets/{{sample}}/{{shard}}.safetensors"
        ),
        metrics=expand("results/tagging/{model}/metrics.json", model=PILEUP.taggers),
        reference=expand(
            "results/tagging/{model}/scores.safetensors", model=PILEUP.taggers
        ),
        applied=expand(
            f"results/tagging/{MITIGATED}/{{model}}/applied/scores.safetensors",
            model=PILEUP.taggers,
            allow_missing=True,
        ),
    output:
        result=f"results/tagging/{MITIGATED}/compared.json",
    log:
        f"results/logs/tagging/{MITIGATED}/compare.log",
    params:
        **job(
            "tagging.pileup",
            settings={
                "bootstrap_replicas": "tagging.evaluation.bootstrap_replicas",
                "pairs": "tagging.pairs",
                "radius": "graphs.jets.radius",
            },
            seed=["tagging.pileup"],
        ),
    shell:
        LAUNCH
