# Detector: tracks, cells and topological clusters of every event, their summary, and the timing.
GEOMETRY = resource_name(f"geometry/{CONFIG.detector.geometry}.yaml")


rule simulate_detector:
    input:
        events="results/generate/{sample}/{shard}.root",
    output:
        output="results/detector/{sample}/{shard}.root",
        account="results/detector/{sample}/{shard}.json",
    log:
        "results/logs/detector/simulate/{sample}/{shard}.log",
    threads: 1
    resources:
        mem_mb=1500,
    params:
        geometry=GEOMETRY,
        settings=section("detector.simulation"),
        seed=job_seed("detector.simulate", "{sample}", "{shard}"),
        code=code_digest("detector.simulate"),
    shell:
        launch("detector.simulate")


rule summarise_detector:
    input:
        events=shards("results/detector/{sample}/{shard}.root"),
        accounts=shards("results/detector/{sample}/{shard}.json"),
    output:
        histograms="results/detector/{sample}/histograms.json",
        summary="results/detector/{sample}/summary.json",
        display="results/detector/{sample}/display.json",
    log:
        "results/logs/detector/summarise/{sample}.log",
    threads: 1
    resources:
        mem_mb=1500,
    params:
        code=code_digest("detector.summarise"),
    shell:
        launch("detector.summarise")


rule bench_detector:
    input:
        events=f"results/generate/{CONFIG.detector.bench.sample}/0000.root",
    output:
        report="results/bench/detector.json",
    log:
        "results/logs/detector/bench.log",
    threads: 1
    params:
        card=resource_name(
            f"processes/{CONFIG.generate.samples[CONFIG.detector.bench.sample].generation.process}.cmnd"
        ),
        geometry=GEOMETRY,
        settings=section(bench="detector.bench", simulation="detector.simulation"),
        seed=job_seed("detector.bench"),
        code=code_digest("detector.bench"),
    shell:
        launch("detector.bench")


BENCHES.append("results/bench/detector.json")
TARGETS["detector"] = expand(
    "results/detector/{sample}/{file}.json",
    sample=CONFIG.detector.summary_samples,
    file=["histograms", "summary", "display"],
)


include: "detector/validation.smk"
