# Jets: anti-kT jets on truth and reconstructed particles, their calibration, substructure, labels
# and summary.
JET_CALIBRATION = (
    ["results/jets/{algorithm}/calibration.json"]
    if CONFIG.jets.calibration.enabled
    else []
)

# The test of the calibration, where there is one.
JET_CLOSURE = (
    [f"results/jets/{CONFIG.jets.algorithm}/closure.json"]
    if CONFIG.jets.calibration.enabled
    else []
)

# What the jets need to know of the detector, where they do.
JET_CLUSTERING = {
    field: f"jets.clustering.{field}" for field in CONFIG.jets.clustering.model_dump()
} | {
    "radii": "derived.radii.{sample}",
    "truth_radii": "derived.truth_radii.{sample}",
}
if CONFIG.jets.clustering.truth == "visible":
    JET_CLUSTERING |= {
        field: f"detector.simulation.{field}"
        for field in ("particle_pt_min", "particle_eta_max")
    }
if CONFIG.jets.clustering.pileup == "puppi":
    JET_CLUSTERING |= {
        "track_eta_max": "detector.simulation.track_eta_max",
        "pileup_mean": "detector.simulation.pileup.mean",
    }

# Of the summary's settings, which jets it takes.
JET_WINDOW = {
    field: f"jets.summary.{field}"
    for field in ("samples", "radius", "pt_min", "pt_max", "mass_max", "mass_bins")
}

# The bins of calibration and test.
JET_RESPONSE = {
    field: f"jets.calibration.{field}"
    for field in CONFIG.jets.calibration.model_dump()
    if field not in ("enabled", "sample", "pt_min")
}


rule cluster_uncalibrated:
    input:
        truth="results/generate/{sample}/{shard}.root",
        particles="results/particleflow/{algorithm}/{sample}/{shard}.root",
        calibration=[],
    output:
        jets="results/jets/{algorithm}/uncalibrated/{sample}/{shard}.root",
    log:
        "results/logs/jets/cluster_uncalibrated/{algorithm}/{sample}/{shard}.log",
    # After the detector's: two first jobs at once would both compile their functions.
    priority: urgency(-2)
    params:
        **job(
            "jets.cluster",
            settings=JET_CLUSTERING
            | {
                "radii": f"derived.radii.{CALIBRATION}",
                "truth_radii": f"derived.truth_radii.{CALIBRATION}",
                "pt_min": "jets.calibration.pt_min",
            },
        ),
    shell:
        LAUNCH


rule calibrate_jets:
    input:
        jets=shards(
            "results/jets/{algorithm}/uncalibrated/{sample}/{shard}.root",
            [CONFIG.jets.calibration.sample],
        ),
    output:
        calibration="results/jets/{algorithm}/calibration.json",
    log:
        "results/logs/jets/calibrate/{algorithm}.log",
    priority: 3
    params:
        **job(
            "jets.calibrate",
            settings=JET_RESPONSE | {"radii": f"derived.radii.{CALIBRATION}"},
        ),
    shell:
        LAUNCH


rule close_jets:
    input:
        jets=shards(
            "results/jets/{algorithm}/uncalibrated/{sample}/{shard}.root",
            [CONFIG.jets.calibration.sample],
        ),
        classes=shards(
            "results/jets/{algorithm}/{sample}/{shard}.root",
            CONFIG.jets.summary.samples,
        ),
        calibration="results/jets/{algorithm}/calibration.json",
    output:
        closure="results/jets/{algorithm}/closure.json",
    log:
        "results/logs/jets/closure/{algorithm}.log",
    params:
        **job(
            "jets.closure",
            settings=JET_RESPONSE
            | {
                "closure": "jets.closure",
                "sample": "jets.calibration.sample",
                "class_radius": "jets.summary.radius",
                "class_pt_min": "jets.clustering.pt_min",
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
    params:
        **job("jets.cluster", settings=JET_CLUSTERING),
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
        **job("jets.sampling", settings=JET_WINDOW),
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
        **job(
            "jets.display",
            settings={
                "radius": "derived.shown_radius.{sample}",
                "pt_min": "jets.display.selection.pt_min",
            },
        ),
    shell:
        LAUNCH


rule bench_jets:
    input:
        truth=f"results/generate/{CONFIG.detector.bench.sample}/0000.root",
        particles=f"results/particleflow/{CONFIG.jets.algorithm}/{CONFIG.detector.bench.sample}/0000.root",
    output:
        report="results/bench/jets.json",
    log:
        "results/logs/jets/bench.log",
    params:
        **job(
            "jets.bench",
            settings={
                field: f"jets.clustering.{field}"
                for field in CONFIG.jets.clustering.model_dump()
            }
            | {"radius": "jets.summary.radius"},
        ),
    shell:
        LAUNCH


BENCHES.append("results/bench/jets.json")
TARGETS["jets"] = [
    f"results/jets/{CONFIG.jets.algorithm}/histograms.json",
    f"results/jets/{CONFIG.jets.algorithm}/summary.json",
    *JET_CLOSURE,
]
