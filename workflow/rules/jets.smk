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


TARGETS["jets"] = [
    f"results/jets/{CONFIG.jets.algorithm}/histograms.json",
    f"results/jets/{CONFIG.jets.algorithm}/summary.json",
]
