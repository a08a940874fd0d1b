# Figures and table of the detector's validation.


rule figure_validation_response:
    input:
        response="results/detector/validation/response.json",
    output:
        **figure(
            "detector/validation_response",
            "Detector",
            {"figure": "Validation: response and resolution"},
        ),
    log:
        "results/logs/reporting/detector/validation_response.log",
    threads: 1
    params:
        code=code_digest("reporting.detector_validation.response"),
    shell:
        launch("reporting.detector_validation.response")


rule figure_validation_profile:
    input:
        response="results/detector/validation/response.json",
        showers="results/detector/validation/showers.json",
    output:
        **figure(
            "detector/validation_profile",
            "Detector",
            {"figure": "Validation: shower profile"},
        ),
    log:
        "results/logs/reporting/detector/validation_profile.log",
    threads: 1
    params:
        code=code_digest("reporting.detector_validation.profile"),
    shell:
        launch("reporting.detector_validation.profile")


rule figure_validation_pions:
    input:
        histograms="results/detector/validation/pions_histograms.json",
        pions="results/detector/validation/pions.json",
    output:
        **figure(
            "detector/validation_pions",
            "Detector",
            {"figure": "Validation: COCOA's pions of 20 GeV"},
        ),
    log:
        "results/logs/reporting/detector/validation_pions.log",
    threads: 1
    params:
        code=code_digest("reporting.detector_validation.pions"),
    shell:
        launch("reporting.detector_validation.pions")


rule figure_validation_pi0:
    input:
        histograms="results/detector/validation/pi0_histograms.json",
        pi0="results/detector/validation/pi0.json",
    output:
        **figure(
            "detector/validation_pi0",
            "Detector",
            {"figure": "Validation: neutral pion mass"},
        ),
    log:
        "results/logs/reporting/detector/validation_pi0.log",
    threads: 1
    params:
        code=code_digest("reporting.detector_validation.pi0"),
    shell:
        launch("reporting.detector_validation.pi0")


rule figure_validation_tracks:
    input:
        tracks="results/detector/validation/tracks.json",
    output:
        **figure(
            "detector/validation_tracks",
            "Detector",
            {"figure": "Validation: track resolutions and pulls"},
        ),
    log:
        "results/logs/reporting/detector/validation_tracks.log",
    threads: 1
    params:
        code=code_digest("reporting.detector_validation.tracks"),
    shell:
        launch("reporting.detector_validation.tracks")


rule figure_validation_efficiency:
    input:
        tracks="results/detector/validation/tracks.json",
    output:
        **figure(
            "detector/validation_efficiency",
            "Detector",
            {"figure": "Validation: tracking efficiency"},
        ),
    log:
        "results/logs/reporting/detector/validation_efficiency.log",
    threads: 1
    params:
        code=code_digest("reporting.detector_validation.efficiency"),
    shell:
        launch("reporting.detector_validation.efficiency")


rule figure_validation_clusters:
    input:
        response="results/detector/validation/response.json",
        noise="results/detector/validation/noise.json",
        histograms="results/detector/validation/noise_histograms.json",
    output:
        **figure(
            "detector/validation_clusters",
            "Detector",
            {"figure": "Validation: cluster multiplicity and noise"},
        ),
    log:
        "results/logs/reporting/detector/validation_clusters.log",
    threads: 1
    params:
        code=code_digest("reporting.detector_validation.clusters"),
    shell:
        launch("reporting.detector_validation.clusters")


rule figure_validation_met:
    input:
        met="results/detector/validation/met.json",
    output:
        **figure(
            "detector/validation_met",
            "Detector",
            {"figure": "Validation: missing energy"},
        ),
    log:
        "results/logs/reporting/detector/validation_met.log",
    threads: 1
    params:
        code=code_digest("reporting.detector_validation.met"),
    shell:
        launch("reporting.detector_validation.met")


rule figure_validation_jets:
    input:
        jets="results/detector/validation/jets.json",
    output:
        **figure(
            "detector/validation_jets",
            "Detector",
            {"figure": "Validation: jet response"},
        ),
    log:
        "results/logs/reporting/detector/validation_jets.log",
    threads: 1
    params:
        code=code_digest("reporting.detector_validation.jets"),
    shell:
        launch("reporting.detector_validation.jets")


rule table_validation:
    input:
        numbers=expand("results/detector/validation/{what}.json", what=VALIDATED),
    output:
        table=report(
            "results/reporting/detector/validation.csv",
            caption="../../report/validation_table.rst",
            category="Detector",
            labels={"figure": "Validation: numbers beside published values"},
        ),
    log:
        "results/logs/reporting/detector/validation_table.log",
    threads: 1
    params:
        code=code_digest("reporting.detector_validation.table"),
    shell:
        launch("reporting.detector_validation.table")


TARGETS["reporting"] += expand(
    "results/reporting/detector/validation_{figure}.png",
    figure=[
        "response",
        "profile",
        "pions",
        "pi0",
        "tracks",
        "efficiency",
        "clusters",
        "met",
        "jets",
    ],
)
TARGETS["reporting"].append("results/reporting/detector/validation.csv")
