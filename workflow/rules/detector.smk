# Detector: tracks, cells and topological clusters of every event, their summary, and the timing.
GEOMETRY = resource_name(f"geometry/{CONFIG.detector.geometry}.yaml")


rule simulate_detector:
    input:
        events="results/generate/{sample}/{shard}.root",
        pileup=pileup_pool,
    output:
        output="results/detector/{sample}/{shard}.root",
        account="results/detector/{sample}/{shard}.json",
    log:
        "results/logs/detector/simulate/{sample}/{shard}.log",
    wildcard_constraints:
        sample=simulated(passing=False),
    priority: urgency(0)
    params:
        **job(
            "detector.simulate",
            geometry=GEOMETRY,
            settings="detector.simulation",
            seed=["detector.simulate", "{sample}", "{shard}"],
        ),
    shell:
        LAUNCH


# Of samples of which nothing but particle flow reads the events: removed when it has run.
use rule simulate_detector as simulate_passing with:
    output:
        output=temp("results/detector/{sample}/{shard}.root"),
        account="results/detector/{sample}/{shard}.json",
    wildcard_constraints:
        sample=simulated(passing=True),


rule import_cocoa:
    input:
        source=source_file,
        events="results/generate/{sample}/{shard}.root",
    output:
        output="results/detector/{sample}/{shard}.root",
        account="results/detector/{sample}/{shard}.json",
    log:
        "results/logs/detector/import_cocoa/{sample}/{shard}.log",
    wildcard_constraints:
        sample=names_of("cocoa"),
    params:
        **job("detector.exchange.import_cocoa", parts=parts_of, limit=limit_of),
    shell:
        LAUNCH


# On demand, with the truth of the cells, which only it needs: the same particles shower again.
rule export_cocoa:
    input:
        events="results/generate/{sample}/{shard}.root",
        pileup=pileup_pool,
    output:
        output="results/detector/{sample}/{shard}.cocoa.root",
    log:
        "results/logs/detector/export_cocoa/{sample}/{shard}.log",
    wildcard_constraints:
        sample=names_of(None, "hepmc3", "lhe", "delphes"),
    params:
        **job(
            "detector.exchange.export_cocoa",
            geometry=GEOMETRY,
            settings="detector.simulation",
            seed=["detector.simulate", "{sample}", "{shard}"],
        ),
    shell:
        LAUNCH


# On demand: nothing asks for it.
rule tracker_hits:
    input:
        events="results/generate/{sample}/{shard}.root",
        pileup=pileup_pool,
        detected="results/detector/{sample}/{shard}.root",
    output:
        output="results/detector/{sample}/{shard}.hits.root",
    log:
        "results/logs/detector/hits/{sample}/{shard}.log",
    wildcard_constraints:
        sample=names_of(None, "hepmc3", "lhe", "delphes"),
    params:
        **job(
            "detector.hits",
            geometry=GEOMETRY,
            settings="detector.simulation",
            # That of simulate_detector: the same particles fly again.
            seed=["detector.simulate", "{sample}", "{shard}"],
        ),
    shell:
        LAUNCH


rule summarise_detector:
    input:
        events=shards("results/detector/{sample}/{shard}.root"),
        accounts=shards("results/detector/{sample}/{shard}.json"),
    output:
        histograms="results/detector/{sample}/histograms.json",
        summary="results/detector/{sample}/summary.json",
    log:
        "results/logs/detector/summarise/{sample}.log",
    params:
        **job("detector.summarise"),
    shell:
        LAUNCH


# The jets room chooses the event.
rule display_detector:
    input:
        events=shards("results/detector/{sample}/{shard}.root"),
        chosen=f"results/jets/{CONFIG.jets.algorithm}/display/{{sample}}.json",
    output:
        event="results/detector/{sample}/display.json",
    log:
        "results/logs/detector/display/{sample}.log",
    params:
        **job("detector.display", geometry=GEOMETRY),
    shell:
        LAUNCH


rule bench_detector:
    input:
        events=f"results/generate/{CONFIG.detector.bench.sample}/0000.root",
    output:
        report="results/bench/detector.json",
    log:
        "results/logs/detector/bench.log",
    params:
        **job(
            "detector.bench",
            card=resource_name(
                f"processes/{CONFIG.generate.samples[CONFIG.detector.bench.sample].generation.process}.cmnd"
            ),
            geometry=GEOMETRY,
            settings={"bench": "detector.bench", "simulation": "detector.simulation"},
            seed=["detector.bench"],
        ),
    shell:
        LAUNCH


BENCHES.append("results/bench/detector.json")
TARGETS["detector"] = expand(
    "results/detector/{sample}/{file}.json",
    sample=CONFIG.detector.summary_samples,
    file=["histograms", "summary"],
)


include: "detector/validation.smk"
