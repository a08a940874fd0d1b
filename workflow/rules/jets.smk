# Jets: anti-kT jets on truth and reconstructed particles, their substructure, labels and summary.


rule cluster_jets:
    input:
        truth="results/generate/{sample}/{shard}.root",
        particles="results/particleflow/{algorithm}/{sample}/{shard}.root",
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
