# Jets: anti-kT jets on truth and reconstructed particles, their substructure, labels and summary.


rule cluster_jets:
    input:
        truth="results/generate/{sample}/{shard}.root",
        particles="results/particleflow/{algorithm}/{sample}/{shard}.root",
    output:
        jets="results/jets/{algorithm}/{sample}/{shard}.root",
    log:
        "results/logs/jets/cluster/{algorithm}/{sample}/{shard}.log",
    threads: 1
    resources:
        mem_mb=1500,
    params:
        settings=section("jets.clustering"),
        code=code_digest("jets.cluster"),
    shell:
        launch("jets.cluster")


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
    threads: 1
    params:
        settings=section("jets.summary"),
        code=code_digest("jets.summarise"),
    shell:
        launch("jets.summarise")


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
    threads: 1
    resources:
        mem_mb=1500,
    params:
        settings=section("jets.images"),
        code=code_digest("jets.images"),
    shell:
        launch("jets.images")


rule display_jets:
    input:
        jets="results/jets/{algorithm}/{sample}/0000.root",
        truth="results/generate/{sample}/0000.root",
    output:
        event="results/jets/{algorithm}/display/{sample}.json",
    log:
        "results/logs/jets/display/{algorithm}/{sample}.log",
    threads: 1
    params:
        settings=section("jets.display.selection"),
        code=code_digest("jets.display"),
    shell:
        launch("jets.display")


TARGETS["jets"] = [
    f"results/jets/{CONFIG.jets.algorithm}/histograms.json",
    f"results/jets/{CONFIG.jets.algorithm}/summary.json",
]
