# Jets: anti-kT jets on truth and reconstructed particles, their calibration, substructure, labels
# and summary.
JET_CALIBRATION = (
    ["results/jets/{algorithm}/calibration.json"]
    if CONFIG.jets.calibration.enabled
    else []
)


rule cluster_uncalibrated:
    input:
        truth="results/generate/{sample}/{shard}.root",
        particles="results/particleflow/{algorithm}/{sample}/{shard}.root",
        calibration=[],
    output:
        jets="results/jets/{algorithm}/uncalibrated/{sample}/{shard}.root",
    log:
        "results/logs/jets/cluster_uncalibrated/{algorithm}/{sample}/{shard}.log",
    resources:
        mem_mb=1500,
    params:
        **job(
            "jets.cluster",
            settings={
                field: f"jets.{'calibration' if field == 'pt_min' else 'clustering'}.{field}"
                for field in CONFIG.jets.clustering.model_dump()
            },
        ),
    shell:
        LAUNCH


rule calibrate_jets:
    input:
        jets=calibration_shards(
            "results/jets/{algorithm}/uncalibrated/{sample}/{shard}.root", 0
        ),
    output:
        calibration="results/jets/{algorithm}/calibration.json",
    log:
        "results/logs/jets/calibrate/{algorithm}.log",
    params:
        **job(
            "jets.calibrate",
            settings={
                "calibration": "jets.calibration",
                "radii": "jets.clustering.radii",
            },
        ),
    shell:
        LAUNCH


rule close_jets:
    input:
        test=calibration_shards("results/jets/{algorithm}/{sample}/{shard}.root", 1),
        classes=shards(
            "results/jets/{algorithm}/{sample}/{shard}.root",
            CONFIG.jets.summary.samples,
        ),
        calibration="results/jets/{algorithm}/calibration.json",
    output:
        closure="results/jets/{algorithm}/closure.json",
    log:
        "results/logs/jets/closure/{algorithm}.log",
    resources:
        mem_mb=1500,
    params:
        **job(
            "jets.closure",
            settings={
                "closure": "jets.closure",
                "calibration": "jets.calibration",
                "radii": "jets.clustering.radii",
            },
        ),
    shell:
        LAUNCH


rule cluster_jets:
    input:
        truth="results/generate/{sample}/{shard}.root",
        particles="results/particleflow/{algorithm}/{sample}/{shard}.root",
        calibration=JET_CALIBRATION,
    output:
        jets="results/jets/{algorithm}/{sample}/{shard}.root",
    log:
        "results/logs/jets/cluster/{algorithm}/{sample}/{shard}.log",
    resources:
        mem_mb=1500,
    params:
        **job("jets.cluster", settings="jets.clustering"),
    shell:
        LAUNCH


rule summarise_jets:
    input:
        jets=shards(
            "results/jets/{algorithm}/{sample}/{shard}.root",
            CONFIG.jets.summary.samples,
        ),
    output:
        histograms="results/jets/{algorithm}/histograms.json",
        summary="results/jets/{algorithm}/summary.json",
    log:
        "results/logs/jets/summarise/{algorithm}.log",
    params:
        **job("jets.summarise", settings="jets.summary"),
    shell:
        LAUNCH


rule sample_jets:
    input:
        jets=shards(
            "results/jets/{algorithm}/{sample}/{shard}.root",
            CONFIG.jets.summary.samples,
        ),
        truth=shards(
            "results/generate/{sample}/{shard}.root", CONFIG.jets.summary.samples
        ),
        accounts=shards(
            "results/generate/{sample}/{shard}.json", CONFIG.jets.summary.samples
        ),
    output:
        histograms="results/jets/{algorithm}/sampling_histograms.json",
        summary="results/jets/{algorithm}/sampling.json",
    log:
        "results/logs/jets/sampling/{algorithm}.log",
    params:
        **job("jets.sampling", settings="jets.summary"),
    shell:
        LAUNCH


rule image_jets:
    input:
        jets=shards(
            "results/jets/{algorithm}/{sample}/{shard}.root",
            CONFIG.jets.summary.samples,
        ),
        particles=shards(
            "results/particleflow/{algorithm}/{sample}/{shard}.root",
            CONFIG.jets.summary.samples,
        ),
    output:
        histograms="results/jets/{algorithm}/images.json",
        summary="results/jets/{algorithm}/images_summary.json",
    log:
        "results/logs/jets/images/{algorithm}.log",
    resources:
        mem_mb=1500,
    params:
        **job("jets.images", settings="jets.images"),
    shell:
        LAUNCH


rule display_jets:
    input:
        jets=shards("results/jets/{algorithm}/{sample}/{shard}.root"),
        truth=shards("results/generate/{sample}/{shard}.root"),
    output:
        event="results/jets/{algorithm}/display/{sample}.json",
    log:
        "results/logs/jets/display/{algorithm}/{sample}.log",
    params:
        **job("jets.display", settings="jets.display.selection"),
    shell:
        LAUNCH


TARGETS["jets"] = [
    f"results/jets/{CONFIG.jets.algorithm}/histograms.json",
    f"results/jets/{CONFIG.jets.algorithm}/summary.json",
]
if CONFIG.jets.calibration.enabled:
    TARGETS["jets"].append(f"results/jets/{CONFIG.jets.algorithm}/closure.json")
