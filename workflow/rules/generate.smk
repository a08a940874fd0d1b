# Generate: Pythia 8 events, or events from files, by sample and shard; spectra, cross-sections.
# All samples but a minimum-bias pool that no event gets as pile-up.
SAMPLES = [
    name
    for name, sample in CONFIG.generate.samples.items()
    if name != CONFIG.detector.pileup_sample
    or CONFIG.detector.simulation.pileup.mean
    or not (sample.generation and sample.generation.process == "minbias")
]


rule generate_sample:
    output:
        events="results/generate/{sample}/{shard}.root",
        summary="results/generate/{sample}/{shard}.json",
    log:
        "results/logs/generate/sample/{sample}/{shard}.log",
    wildcard_constraints:
        sample=names_of(None),
    threads: 1
    resources:
        mem_mb=1000,
    params:
        settings=section("generate.samples.{sample}.generation"),
        seed=job_seed("generate.sample", "{sample}", "{shard}"),
        card=process_card,
        code=code_digest("generate.sample"),
    shell:
        launch("generate.sample")


rule import_hepmc:
    input:
        source=source_file,
    output:
        events="results/generate/{sample}/{shard}.root",
        summary="results/generate/{sample}/{shard}.json",
    log:
        "results/logs/generate/import_hepmc/{sample}/{shard}.log",
    wildcard_constraints:
        sample=names_of("hepmc3"),
    threads: 1
    resources:
        mem_mb=1000,
    params:
        code=code_digest("generate.import_hepmc"),
    shell:
        launch("generate.import_hepmc")


rule import_delphes:
    input:
        source=source_file,
    output:
        events="results/generate/{sample}/{shard}.root",
        summary="results/generate/{sample}/{shard}.json",
    log:
        "results/logs/generate/import_delphes/{sample}/{shard}.log",
    wildcard_constraints:
        sample=names_of("delphes"),
    threads: 1
    resources:
        mem_mb=1000,
    params:
        code=code_digest("generate.import_delphes"),
    shell:
        launch("generate.import_delphes")


rule import_cocoa_truth:
    input:
        source=source_file,
    output:
        events="results/generate/{sample}/{shard}.root",
        summary="results/generate/{sample}/{shard}.json",
    log:
        "results/logs/generate/import_cocoa/{sample}/{shard}.log",
    wildcard_constraints:
        sample=names_of("cocoa"),
    threads: 1
    resources:
        mem_mb=1000,
    params:
        code=code_digest("generate.import_cocoa"),
    shell:
        launch("generate.import_cocoa")


rule summarise_sample:
    input:
        events=shards("results/generate/{sample}/{shard}.root"),
        summaries=shards("results/generate/{sample}/{shard}.json"),
    output:
        spectra="results/generate/{sample}/spectra.json",
        summary="results/generate/{sample}/summary.json",
    log:
        "results/logs/generate/summarise/{sample}.log",
    threads: 1
    params:
        code=code_digest("generate.summarise"),
    shell:
        launch("generate.summarise")


rule bench_generate:
    output:
        report="results/bench/generate.json",
    log:
        "results/logs/generate/bench.log",
    threads: 1
    params:
        settings=section("generate.bench"),
        seed=job_seed("generate.bench"),
        code=code_digest("generate.bench"),
    shell:
        launch("generate.bench")


BENCHES.append("results/bench/generate.json")
TARGETS["generate"] = expand(
    "results/generate/{sample}/{file}.json",
    sample=SAMPLES,
    file=["spectra", "summary"],
)
