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
    params:
        **job(
            "detector.validation.response",
            geometry=GEOMETRY,
            settings="detector.validation.estimators",
            seed=["detector.validate_response"],
        ),
    shell:
        LAUNCH


rule validate_pions:
    input:
        events=shards("results/detector/{sample}/{shard}.root", [VALIDATION.pions]),
        truth=shards("results/generate/{sample}/{shard}.root", [VALIDATION.pions]),
    output:
        histograms="results/detector/validation/pions_histograms.json",
        output="results/detector/validation/pions.json",
    log:
        "results/logs/detector/validate_pions.log",
    params:
        **job(
            "detector.validation.pions",
            settings="detector.validation.estimators",
            seed=["detector.validate_pions"],
        ),
    shell:
        LAUNCH


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
    params:
        **job(
            "detector.validation.pi0",
            settings="detector.validation.estimators",
            seed=["detector.validate_pi0"],
        ),
    shell:
        LAUNCH


rule validate_tracks:
    input:
        events=shards("results/detector/{sample}/{shard}.root", [VALIDATION.gun]),
        truth=shards("results/generate/{sample}/{shard}.root", [VALIDATION.gun]),
    output:
        output="results/detector/validation/tracks.json",
    log:
        "results/logs/detector/validate_tracks.log",
    params:
        **job(
            "detector.validation.tracks",
            geometry=GEOMETRY,
            settings="detector.validation.estimators",
            seed=["detector.validate_tracks"],
        ),
    shell:
        LAUNCH


rule validate_noise:
    output:
        histograms="results/detector/validation/noise_histograms.json",
        output="results/detector/validation/noise.json",
    log:
        "results/logs/detector/validate_noise.log",
    params:
        **job(
            "detector.validation.noise",
            geometry=GEOMETRY,
            settings={
                "noise": "detector.validation.noise",
                "simulation": "detector.simulation",
            },
            seed=["detector.validate_noise"],
        ),
    shell:
        LAUNCH


rule validate_showers:
    output:
        output="results/detector/validation/showers.json",
    log:
        "results/logs/detector/validate_showers.log",
    params:
        **job(
            "detector.validation.showers",
            geometry=GEOMETRY,
            settings={
                "showers": "detector.validation.showers",
                "simulation": "detector.simulation",
            },
            seed=["detector.validate_showers"],
        ),
    shell:
        LAUNCH


rule validate_met:
    input:
        events=shards("results/detector/{sample}/{shard}.root", [VALIDATION.events]),
        truth=shards("results/generate/{sample}/{shard}.root", [VALIDATION.events]),
    output:
        output="results/detector/validation/met.json",
    log:
        "results/logs/detector/validate_met.log",
    params:
        **job(
            "detector.validation.met",
            geometry=GEOMETRY,
            settings="detector.validation.estimators",
            seed=["detector.validate_met"],
        ),
    shell:
        LAUNCH


rule validate_jets:
    input:
        events=shards("results/detector/{sample}/{shard}.root", [VALIDATION.events]),
        truth=shards("results/generate/{sample}/{shard}.root", [VALIDATION.events]),
    output:
        output="results/detector/validation/jets.json",
    log:
        "results/logs/detector/validate_jets.log",
    params:
        **job(
            "detector.validation.jets",
            settings={
                "estimators": "detector.validation.estimators",
                "particle_pt_min": "detector.simulation.particle_pt_min",
                "particle_eta_max": "detector.simulation.particle_eta_max",
            },
            seed=["detector.validate_jets"],
        ),
    shell:
        LAUNCH


VALIDATED = ["response", "pions", "pi0", "tracks", "noise", "showers", "met", "jets"]
TARGETS["detector"] += expand("results/detector/validation/{what}.json", what=VALIDATED)
