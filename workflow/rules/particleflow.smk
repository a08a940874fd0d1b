# Particle flow: from tracks and topoclusters to particles; both algorithms and their comparison.


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
    params:
        **job(
            "particleflow.calibrate",
            geometry=GEOMETRY,
            settings="particleflow.calibration",
        ),
    shell:
        launch()


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
    params:
        **job(
            "particleflow.calibrate_photons",
            settings="particleflow.photon_calibration",
        ),
    shell:
        launch()


rule parametric_particleflow:
    input:
        detected="results/detector/{sample}/{shard}.root",
        calibration="results/particleflow/calibration.json",
        photons="results/particleflow/photon_calibration.json",
    output:
        particles="results/particleflow/parametric/{sample}/{shard}.root",
    log:
        "results/logs/particleflow/parametric/{sample}/{shard}.log",
    params:
        **job(
            "particleflow.parametric",
            geometry=GEOMETRY,
            settings="particleflow.parametric",
        ),
    shell:
        launch()


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
        launch()


rule train_mlpf:
    input:
        graphs=shards(
            "results/graphs/events/{sample}/{shard}.safetensors",
            CONFIG.particleflow.mlpf.training.samples,
        ),
    output:
        weights="results/particleflow/mlpf/weights.safetensors",
        history="results/particleflow/mlpf/history.csv",
        targets="results/particleflow/mlpf/targets.json",
    log:
        "results/logs/particleflow/train.log",
    threads: CONFIG.particleflow.mlpf.training.fit.threads
    resources:
        mem_mb=1500,
    params:
        **job(
            "particleflow.train",
            settings="particleflow.mlpf",
            seed=["particleflow.train"],
        ),
    shell:
        launch()


rule mlpf_particleflow:
    input:
        graphs="results/graphs/events/{sample}/{shard}.safetensors",
        weights="results/particleflow/mlpf/weights.safetensors",
    output:
        particles="results/particleflow/mlpf/{sample}/{shard}.root",
    log:
        "results/logs/particleflow/reconstruct/{sample}/{shard}.log",
    params:
        **job("particleflow.reconstruct", settings="particleflow.mlpf.model"),
    shell:
        launch()


rule influence_mlpf:
    input:
        graphs=f"results/graphs/events/{CONFIG.particleflow.evaluation.samples[0]}/0000.safetensors",
        weights="results/particleflow/mlpf/weights.safetensors",
    output:
        influence="results/particleflow/mlpf/influence.json",
    log:
        "results/logs/particleflow/influence.log",
    resources:
        mem_mb=1500,
    params:
        **job(
            "particleflow.influence",
            settings={
                "influence": "particleflow.influence",
                "model": "particleflow.mlpf.model",
            },
        ),
    shell:
        launch()


TARGETS["particleflow"] = [
    "results/particleflow/performance/parametric.json",
    "results/particleflow/performance/mlpf.json",
]
