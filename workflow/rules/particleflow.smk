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
    threads: 1
    params:
        geometry=GEOMETRY,
        settings=section("particleflow.calibration"),
        code=code_digest("particleflow.calibrate"),
    shell:
        launch("particleflow.calibrate")


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
    threads: 1
    params:
        settings=section("particleflow.photon_calibration"),
        code=code_digest("particleflow.calibrate_photons"),
    shell:
        launch("particleflow.calibrate_photons")


rule parametric_particleflow:
    input:
        detected="results/detector/{sample}/{shard}.root",
        calibration="results/particleflow/calibration.json",
        photons="results/particleflow/photon_calibration.json",
    output:
        particles="results/particleflow/parametric/{sample}/{shard}.root",
    log:
        "results/logs/particleflow/parametric/{sample}/{shard}.log",
    threads: 1
    params:
        geometry=GEOMETRY,
        settings=section("particleflow.parametric"),
        code=code_digest("particleflow.parametric"),
    shell:
        launch("particleflow.parametric")


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
    threads: 1
    params:
        settings=section("particleflow.evaluation"),
        code=code_digest("particleflow.evaluate"),
    shell:
        launch("particleflow.evaluate")


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
        settings=section("particleflow.mlpf"),
        seed=job_seed("particleflow.train"),
        code=code_digest("particleflow.train"),
    shell:
        launch("particleflow.train")


rule mlpf_particleflow:
    input:
        graphs="results/graphs/events/{sample}/{shard}.safetensors",
        weights="results/particleflow/mlpf/weights.safetensors",
    output:
        particles="results/particleflow/mlpf/{sample}/{shard}.root",
    log:
        "results/logs/particleflow/reconstruct/{sample}/{shard}.log",
    threads: 1
    params:
        settings=section("particleflow.mlpf.model"),
        code=code_digest("particleflow.reconstruct"),
    shell:
        launch("particleflow.reconstruct")


rule influence_mlpf:
    input:
        graphs=f"results/graphs/events/{CONFIG.particleflow.evaluation.samples[0]}/0000.safetensors",
        weights="results/particleflow/mlpf/weights.safetensors",
    output:
        influence="results/particleflow/mlpf/influence.json",
    log:
        "results/logs/particleflow/influence.log",
    threads: 1
    resources:
        mem_mb=1500,
    params:
        settings=section(
            influence="particleflow.influence", model="particleflow.mlpf.model"
        ),
        code=code_digest("particleflow.influence"),
    shell:
        launch("particleflow.influence")


TARGETS["particleflow"] = [
    "results/particleflow/performance/parametric.json",
    "results/particleflow/performance/mlpf.json",
]
