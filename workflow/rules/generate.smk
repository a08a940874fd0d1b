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
    priority: urgency(2)
    params:
        **job(
            "generate.sample",
            settings="generate.samples.{sample}.generation",
            seed=["generate.sample", "{sample}", "{shard}"],
            card=process_card,
        ),
    shell:
        LAUNCH


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
    params:
        **job(
            "generate.import_hepmc",
            settings="generate.samples.{sample}.source.particles",
            parts=parts_of,
            limit=limit_of,
            checksum=checksum_of,
        ),
    shell:
        LAUNCH


rule import_lhe:
    input:
        source=source_file,
    output:
        events="results/generate/{sample}/{shard}.root",
        summary="results/generate/{sample}/{shard}.json",
    log:
        "results/logs/generate/import_lhe/{sample}/{shard}.log",
    wildcard_constraints:
        sample=names_of("lhe"),
    params:
        **job(
            "generate.import_lhe",
            settings={
                "shower": "generate.samples.{sample}.source.shower",
                "particles": "generate.samples.{sample}.source.particles",
            },
            seed=["generate.import_lhe", "{sample}", "{shard}"],
            parts=parts_of,
            limit=limit_of,
            checksum=checksum_of,
        ),
    shell:
        LAUNCH


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
    params:
        **job(
            "generate.import_delphes",
            settings="generate.samples.{sample}.source.particles",
            parts=parts_of,
            limit=limit_of,
            checksum=checksum_of,
        ),
    shell:
        LAUNCH


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
    params:
        **job(
            "generate.import_cocoa",
            settings="generate.samples.{sample}.source.particles",
            parts=parts_of,
            limit=limit_of,
            checksum=checksum_of,
        ),
    shell:
        LAUNCH


rule summarise_sample:
    input:
        events=shards("results/generate/{sample}/{shard}.root"),
        summaries=shards("results/generate/{sample}/{shard}.json"),
    output:
        spectra="results/generate/{sample}/spectra.json",
        summary="results/generate/{sample}/summary.json",
    log:
        "results/logs/generate/summarise/{sample}.log",
    params:
        **job(
            "generate.summarise",
            settings={
                "cross_section": "generate.samples.{sample}.cross_section",
                "luminosity": "generate.samples.{sample}.luminosity",
            },
        ),
    shell:
        LAUNCH


rule bench_generate:
    output:
        report="results/bench/generate.json",
    log:
        "results/logs/generate/bench.log",
    params:
        **job("generate.bench", settings="generate.bench", seed=["generate.bench"]),
    shell:
        LAUNCH


BENCHES.append("results/bench/generate.json")
TARGETS["generate"] = expand(
    "results/generate/{sample}/{file}.json",
    sample=SAMPLES,
    file=["spectra", "summary"],
)
