# Validation of the detector: numbers from particle guns, from empty events and from jets.
VALIDATION = CONFIG.detector.validation


rule validate_response:
    input:
        events=shards("results/detector/{sample}/{shard}.root", [VALIDATION.gun]),
        truth=shards("results/generate/{sample}/{shard}.root", [VALIDATION.gun]),
    output:
        output="results/detector/validation/response.json",
    log:
        "results/logs/detector/validate_response.log",
    threads: 1
    resources:
        mem_mb=1500,
    params:
        geometry=GEOMETRY,
        settings=section("detector.validation.estimators"),
        seed=job_seed("detector.validate_response"),
        code=code_digest("detector.validation.response"),
    shell:
        launch("detector.validation.response")


rule validate_pions:
    input:
        events=shards("results/detector/{sample}/{shard}.root", [VALIDATION.pions]),
        truth=shards("results/generate/{sample}/{shard}.root", [VALIDATION.pions]),
    output:
        histograms="results/detector/validation/pions_histograms.json",
        output="results/detector/validation/pions.json",
    log:
        "results/logs/detector/validate_pions.log",
    threads: 1
    resources:
        mem_mb=1500,
    params:
        settings=section("detector.validation.estimators"),
        seed=job_seed("detector.validate_pions"),
        code=code_digest("detector.validation.pions"),
    shell:
        launch("detector.validation.pions")


rule validate_pi0:
    input:
        events=shards("results/detector/{sample}/{shard}.root", [VALIDATION.pi0]),
        truth=shards("results/generate/{sample}/{shard}.root", [VALIDATION.pi0]),
        response="results/detector/validation/response.json",
    output:
        histograms="results/detector/validation/pi0_histograms.json",
        output="results/detector/validation/pi0.json",
    log:
        "results/logs/detector/validate_pi0.log",
    threads: 1
    resources:
        mem_mb=1500,
    params:
        settings=section("detector.validation.estimators"),
        seed=job_seed("detector.validate_pi0"),
        code=code_digest("detector.validation.pi0"),
    shell:
        launch("detector.validation.pi0")


rule validate_tracks:
    input:
        events=shards("results/detector/{sample}/{shard}.root", [VALIDATION.gun]),
        truth=shards("results/generate/{sample}/{shard}.root", [VALIDATION.gun]),
    output:
        output="results/detector/validation/tracks.json",
    log:
        "results/logs/detector/validate_tracks.log",
    threads: 1
    resources:
        mem_mb=1500,
    params:
        geometry=GEOMETRY,
        settings=section("detector.validation.estimators"),
        seed=job_seed("detector.validate_tracks"),
        code=code_digest("detector.validation.tracks"),
    shell:
        launch("detector.validation.tracks")


rule validate_noise:
    output:
        histograms="results/detector/validation/noise_histograms.json",
        output="results/detector/validation/noise.json",
    log:
        "results/logs/detector/validate_noise.log",
    threads: 1
    resources:
        mem_mb=1500,
    params:
        geometry=GEOMETRY,
        settings=section(
            noise="detector.validation.noise", simulation="detector.simulation"
        ),
        seed=job_seed("detector.validate_noise"),
        code=code_digest("detector.validation.noise"),
    shell:
        launch("detector.validation.noise")


rule validate_showers:
    output:
        output="results/detector/validation/showers.json",
    log:
        "results/logs/detector/validate_showers.log",
    threads: 1
    resources:
        mem_mb=1500,
    params:
        geometry=GEOMETRY,
        settings=section(
            showers="detector.validation.showers", simulation="detector.simulation"
        ),
        seed=job_seed("detector.validate_showers"),
        code=code_digest("detector.validation.showers"),
    shell:
        launch("detector.validation.showers")


rule validate_met:
    input:
        events=shards("results/detector/{sample}/{shard}.root", [VALIDATION.events]),
        truth=shards("results/generate/{sample}/{shard}.root", [VALIDATION.events]),
    output:
        output="results/detector/validation/met.json",
    log:
        "results/logs/detector/validate_met.log",
    threads: 1
    resources:
        mem_mb=1500,
    params:
        geometry=GEOMETRY,
        settings=section("detector.validation.estimators"),
        seed=job_seed("detector.validate_met"),
        code=code_digest("detector.validation.met"),
    shell:
        launch("detector.validation.met")


rule validate_jets:
    input:
        events=shards("results/detector/{sample}/{shard}.root", [VALIDATION.events]),
        truth=shards("results/generate/{sample}/{shard}.root", [VALIDATION.events]),
    output:
        output="results/detector/validation/jets.json",
    log:
        "results/logs/detector/validate_jets.log",
    threads: 1
    resources:
        mem_mb=1500,
    params:
        settings=section("detector.validation.estimators"),
        seed=job_seed("detector.validate_jets"),
        code=code_digest("detector.validation.jets"),
    shell:
        launch("detector.validation.jets")


VALIDATED = ["response", "pions", "pi0", "tracks", "noise", "showers", "met", "jets"]
TARGETS["detector"] += expand("results/detector/validation/{what}.json", what=VALIDATED)
