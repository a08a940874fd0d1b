# Graphs: tracks and topoclusters of an event for particle flow, constituents of a jet for tagging.


rule event_graphs:
    input:
        detected="results/detector/{sample}/{shard}.root",
    output:
        graphs="results/graphs/events/{sample}/{shard}.safetensors",
        cutflow="results/graphs/events/{sample}/{shard}.json",
    log:
        "results/logs/graphs/events/{sample}/{shard}.log",
    params:
        **job("graphs.build.events", settings="graphs.events"),
    shell:
        LAUNCH


rule jet_graphs:
    input:
        jets="results/jets/{algorithm}/{sample}/{shard}.root",
        particles="results/particleflow/{algorithm}/{sample}/{shard}.root",
    output:
        graphs="results/graphs/jets/{algorithm}/{sample}/{shard}.safetensors",
        cutflow="results/graphs/jets/{algorithm}/{sample}/{shard}.json",
    log:
        "results/logs/graphs/jets/{algorithm}/{sample}/{shard}.log",
    params:
        **job("graphs.build.jets", settings="graphs.jets"),
    shell:
        LAUNCH


rule display_graphs:
    input:
        events=shards(
            "results/graphs/events/{sample}/{shard}.safetensors",
            [CONFIG.graphs.display.sample],
        ),
        jets=shards(
            f"results/graphs/jets/{CONFIG.jets.algorithm}/{{sample}}/{{shard}}.safetensors",
            [CONFIG.graphs.display.sample],
        ),
    output:
        table="results/graphs/display.json",
    log:
        "results/logs/graphs/display.log",
    params:
        **job("graphs.display"),
    shell:
        LAUNCH


TARGETS["graphs"] = ["results/graphs/display.json"]
