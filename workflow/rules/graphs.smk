# Graphs: tracks and topoclusters of an event for particle flow, constituents of a jet for tagging,
# also of published jets.
from jetchain.graphs.settings import JetGraphSettings


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
    wildcard_constraints:
        sample=one_of(CONFIG.generate.samples),
    priority: 1
    params:
        **job("graphs.build.jets", settings="graphs.jets"),
    shell:
        LAUNCH


# The same for every algorithm, since no particle is reconstructed: taggers look for their jets by
# the name of one.
rule import_jets:
    input:
        source=source_file,
    output:
        graphs="results/graphs/jets/{algorithm}/{sample}/{shard}.safetensors",
        cutflow="results/graphs/jets/{algorithm}/{sample}/{shard}.json",
    log:
        "results/logs/graphs/import_jets/{algorithm}/{sample}/{shard}.log",
    wildcard_constraints:
        sample=one_of(CONFIG.graphs.samples),
    params:
        **job(
            "graphs.import_jets",
            settings={
                name: f"graphs.jets.{name}" for name in JetGraphSettings.model_fields
            }
            | {
                "format": "graphs.samples.{sample}.source.format",
                "checksums": "graphs.samples.{sample}.source.checksums",
                "soft_drop_zcut": "jets.clustering.soft_drop_zcut",
                "soft_drop_beta": "jets.clustering.soft_drop_beta",
            },
            members=format_of,
            parts=parts_of,
            limit=limit_of,
        ),
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
