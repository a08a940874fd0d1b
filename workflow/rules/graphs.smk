# Graphs: tracks and topoclusters of an event for particle flow, constituents of a jet for tagging.


rule event_graphs:
    input:
        detected="results/detector/{sample}/{shard}.root",
    output:
        graphs="results/graphs/events/{sample}/{shard}.safetensors",
        cutflow="results/graphs/events/{sample}/{shard}.json",
    params:
        settings=section("graphs.events"),
        code=code_digest("graphs.build.events"),
    log:
        "results/logs/graphs/events/{sample}/{shard}.log",
    benchmark:
        "results/benchmarks/graphs/events/{sample}/{shard}.tsv"
    threads: 1
    shell:
        launch("graphs.build.events")


rule jet_graphs:
    input:
        jets="results/jets/{algorithm}/{sample}/{shard}.root",
        particles="results/particleflow/{algorithm}/{sample}/{shard}.root",
    output:
        graphs="results/graphs/jets/{algorithm}/{sample}/{shard}.safetensors",
        cutflow="results/graphs/jets/{algorithm}/{sample}/{shard}.json",
    params:
        settings=section("graphs.jets"),
        code=code_digest("graphs.build.jets"),
    log:
        "results/logs/graphs/jets/{algorithm}/{sample}/{shard}.log",
    benchmark:
        "results/benchmarks/graphs/jets/{algorithm}/{sample}/{shard}.tsv"
    threads: 1
    shell:
        launch("graphs.build.jets")
