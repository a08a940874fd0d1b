# Particle flow: from tracks and topoclusters to particles; the algorithms and their comparison.
from jetchain.particleflow.settings import JetEvaluationSettings

NETWORKS = [name for name, algorithm in ALGORITHMS.items() if algorithm.trained]
# Of the algorithms without training: a gun has no graphs of events.
VALIDATED_GUNS = expand(
    "results/particleflow/gun_validation/{algorithm}.json",
    algorithm=[name for name in CONFIG.particleflow.algorithms if name not in NETWORKS],
)


rule calibrate_particleflow:
    input:
        detected=shards(
            "results/detector/{sample}/{shard}.root",
            CONFIG.particleflow.calibration.samples,
        ),
    output:
        calibration="results/particleflow/calibration.json",
    log:
        "results/logs/particleflow/calibrate.log",
    priority: 3
    params:
        **job(
            "particleflow.calibrate",
            geometry=GEOMETRY,
            settings="particleflow.calibration",
        ),
    shell:
        LAUNCH


rule calibrate_photons:
    input:
        detected=shards(
            "results/detector/{sample}/{shard}.root",
            CONFIG.particleflow.photon_calibration.samples,
        ),
    output:
        calibration="results/particleflow/photon_calibration.json",
    log:
        "results/logs/particleflow/calibrate_photons.log",
    priority: 3
    params:
        **job(
            "particleflow.calibrate_photons",
            settings="particleflow.photon_calibration",
        ),
    shell:
        LAUNCH


rule calibrate_showers:
    input:
        detected=shards(
            "results/detector/{sample}/{shard}.root",
            CONFIG.particleflow.shower_calibration.samples,
        ),
        photons="results/particleflow/photon_calibration.json",
    output:
        calibration="results/particleflow/shower_calibration.json",
    log:
        "results/logs/particleflow/calibrate_showers.log",
    priority: 3
    params:
        **job(
            "particleflow.calibrate_showers",
            geometry=GEOMETRY,
            settings="particleflow.shower_calibration",
        ),
    shell:
        LAUNCH


rule compare_response:
    input:
        calibration="results/particleflow/calibration.json",
    output:
        output="results/particleflow/response_comparison.json",
    log:
        "results/logs/particleflow/compare_response.log",
    params:
        **job(
            "particleflow.compare_response",
            cocoa=resource_name("published/cocoa_response.json"),
        ),
    shell:
        LAUNCH


rule untrained_particleflow:
    input:
        detected="results/detector/{sample}/{shard}.root",
        calibrations=calibrations,
    output:
        particles="results/particleflow/{algorithm}/{sample}/{shard}.root",
    log:
        "results/logs/particleflow/{algorithm}/{sample}/{shard}.log",
    wildcard_constraints:
        algorithm=one_of(name for name in ALGORITHMS if name not in NETWORKS),
    priority: urgency(0)
    params:
        **job(
            "particleflow.untrained",
            geometry=GEOMETRY,
            settings={"algorithm": "particleflow.{algorithm}"},
            members=["particleflow.algorithms.{algorithm}"],
        ),
    shell:
        LAUNCH


rule evaluate_particleflow:
    input:
        particles=shards(
            "results/particleflow/{algorithm}/{sample}/{shard}.root",
            CONFIG.particleflow.evaluation.samples,
        ),
        detected=shards(
            "results/detector/{sample}/{shard}.root",
            CONFIG.particleflow.evaluation.samples,
        ),
    output:
        performance="results/particleflow/performance/{algorithm}.json",
        histograms="results/particleflow/performance/{algorithm}_histograms.json",
    log:
        "results/logs/particleflow/evaluate/{algorithm}.log",
    params:
        **job("particleflow.evaluate", settings="particleflow.evaluation"),
    shell:
        LAUNCH


rule evaluate_particleflow_jets:
    input:
        particles=shards(
            "results/particleflow/{algorithm}/{sample}/{shard}.root",
            CONFIG.particleflow.evaluation.samples,
        ),
        detected=shards(
            "results/detector/{sample}/{shard}.root",
            CONFIG.particleflow.evaluation.samples,
        ),
    output:
        performance="results/particleflow/performance/{algorithm}_jets.json",
    log:
        "results/logs/particleflow/evaluate_jets/{algorithm}.log",
    params:
        **job(
            "particleflow.evaluate_jets",
            settings={
                name: f"particleflow.evaluation.{name}"
                for name in JetEvaluationSettings.model_fields
            },
        ),
    shell:
        LAUNCH


rule validate_particleflow:
    input:
        particles=shards(
            "results/particleflow/{algorithm}/{sample}/{shard}.root",
            [CONFIG.particleflow.gun],
        ),
        detected=shards(
            "results/detector/{sample}/{shard}.root", [CONFIG.particleflow.gun]
        ),
        performance="results/particleflow/performance/{algorithm}.json",
    output:
        output="results/particleflow/gun_validation/{algorithm}.json",
    log:
        "results/logs/particleflow/validate_gun/{algorithm}.log",
    params:
        **job("particleflow.validate_gun"),
    shell:
        LAUNCH


rule train_particleflow:
    input:
        graphs=training_graphs,
        initial=initial_weights,
    output:
        weights="results/particleflow/{algorithm}/weights.safetensors",
        history="results/particleflow/{algorithm}/history.csv",
        targets="results/particleflow/{algorithm}/targets.json",
    log:
        "results/logs/particleflow/train/{algorithm}.log",
    wildcard_constraints:
        algorithm=one_of(NETWORKS),
    threads: training_threads
    params:
        # One seed for all networks: they are trained on and validated with the same events.
        **job(
            "particleflow.train",
            settings="particleflow.{algorithm}",
            seed=["particleflow.train"],
            members=["particleflow.algorithms.{algorithm}"],
        ),
    shell:
        LAUNCH


rule trained_particleflow:
    input:
        graphs="results/graphs/events/{sample}/{shard}.safetensors",
        weights="results/particleflow/{algorithm}/weights.safetensors",
    output:
        particles="results/particleflow/{algorithm}/{sample}/{shard}.root",
    log:
        "results/logs/particleflow/{algorithm}/{sample}/{shard}.log",
    wildcard_constraints:
        algorithm=one_of(NETWORKS),
    params:
        **job(
            "particleflow.reconstruct",
            settings={"model": "particleflow.{algorithm}.model"},
            members=["particleflow.algorithms.{algorithm}"],
        ),
    shell:
        LAUNCH


rule influence_particleflow:
    input:
        graphs=shards(
            "results/graphs/events/{sample}/{shard}.safetensors",
            CONFIG.particleflow.evaluation.samples[:1],
        ),
        weights="results/particleflow/{algorithm}/weights.safetensors",
    output:
        influence="results/particleflow/{algorithm}/influence.json",
    log:
        "results/logs/particleflow/influence/{algorithm}.log",
    wildcard_constraints:
        algorithm=one_of(NETWORKS),
    params:
        **job(
            "particleflow.influence",
            settings={
                "influence": "particleflow.influence",
                "model": "particleflow.{algorithm}.model",
            },
            members=["particleflow.algorithms.{algorithm}"],
        ),
    shell:
        LAUNCH


rule bench_particleflow:
    input:
        graphs=shards(
            "results/graphs/events/{sample}/{shard}.safetensors",
            CONFIG.particleflow.evaluation.samples[:1],
        ),
        weights=expand(
            "results/particleflow/{algorithm}/weights.safetensors",
            algorithm=[
                name for name in CONFIG.particleflow.algorithms if name in NETWORKS
            ],
        ),
    output:
        report="results/bench/particleflow.json",
    log:
        "results/logs/particleflow/bench.log",
    params:
        **job(
            "particleflow.bench",
            settings="particleflow",
            members=[f"particleflow.algorithms.{name}" for name in NETWORKS],
        ),
    shell:
        LAUNCH


BENCHES.append("results/bench/particleflow.json")
PERFORMANCES = [
    "results/particleflow/performance/{algorithm}.json",
    "results/particleflow/performance/{algorithm}_jets.json",
]
TARGETS["particleflow"] = expand(
    PERFORMANCES,
    algorithm=CONFIG.particleflow.algorithms,
) + [
    "results/particleflow/response_comparison.json",
    *VALIDATED_GUNS,
]
