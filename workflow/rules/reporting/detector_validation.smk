# Figures and table of the detector's validation.


rule figure_validation_response:
    input:
        response="results/detector/validation/response.json",
    output:
        png=report(
            "results/reporting/detector/validation_response.png",
            caption="../../report/validation_response.rst",
            category="Detector",
            labels={"figure": "Validation: response and resolution"},
        ),
        pdf="results/reporting/detector/validation_response.pdf",
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
        png=report(
            "results/reporting/detector/validation_profile.png",
            caption="../../report/validation_profile.rst",
            category="Detector",
            labels={"figure": "Validation: shower profile"},
        ),
        pdf="results/reporting/detector/validation_profile.pdf",
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
        png=report(
            "results/reporting/detector/validation_pions.png",
            caption="../../report/validation_pions.rst",
            category="Detector",
            labels={"figure": "Validation: COCOA's pions of 20 GeV"},
        ),
        pdf="results/reporting/detector/validation_pions.pdf",
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
        png=report(
            "results/reporting/detector/validation_pi0.png",
            caption="../../report/validation_pi0.rst",
            category="Detector",
            labels={"figure": "Validation: neutral pion mass"},
        ),
        pdf="results/reporting/detector/validation_pi0.pdf",
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
        png=report(
            "results/reporting/detector/validation_tracks.png",
            caption="../../report/validation_tracks.rst",
            category="Detector",
            labels={"figure": "Validation: track resolutions and pulls"},
        ),
        pdf="results/reporting/detector/validation_tracks.pdf",
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
        png=report(
            "results/reporting/detector/validation_efficiency.png",
            caption="../../report/validation_efficiency.rst",
            category="Detector",
            labels={"figure": "Validation: tracking efficiency"},
        ),
        pdf="results/reporting/detector/validation_efficiency.pdf",
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
        png=report(
            "results/reporting/detector/validation_clusters.png",
            caption="../../report/validation_clusters.rst",
            category="Detector",
            labels={"figure": "Validation: cluster multiplicity and noise"},
        ),
        pdf="results/reporting/detector/validation_clusters.pdf",
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
        png=report(
            "results/reporting/detector/validation_met.png",
            caption="../../report/validation_met.rst",
            category="Detector",
            labels={"figure": "Validation: missing energy"},
        ),
        pdf="results/reporting/detector/validation_met.pdf",
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
        png=report(
            "results/reporting/detector/validation_jets.png",
            caption="../../report/validation_jets.rst",
            category="Detector",
            labels={"figure": "Validation: jet response"},
        ),
        pdf="results/reporting/detector/validation_jets.pdf",
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
    "results/reporting/detector/validation_{figure}.{type}",
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
    type=["png", "pdf"],
)
TARGETS["reporting"].append("results/reporting/detector/validation.csv")
