# Reporting: figures and tables from the rooms' result tables, one file a room.


include: "reporting/generate.smk"
include: "reporting/detector.smk"
include: "reporting/detector_validation.smk"
include: "reporting/particleflow.smk"
include: "reporting/jets.smk"
include: "reporting/displays.smk"
include: "reporting/graphs.smk"
include: "reporting/tagging.smk"
include: "reporting/anomaly.smk"
include: "reporting/background.smk"
include: "reporting/inference.smk"
include: "reporting/firmware.smk"


TAGGERS = CONFIG.tagging.taggers


rule summarise_run:
    input:
        jets=f"results/jets/{CONFIG.jets.algorithm}/summary.json",
        tagging=expand("results/tagging/{model}/metrics.json", model=TAGGERS),
        anomaly="results/anomaly/metrics.json",
        closure="results/background/disco/closure.json",
        limits=expand(
            "results/inference/{method}/limits.json", method=BACKGROUND_METHODS
        ),
        firmware="results/firmware/latency.json",
    output:
        table=report(
            "results/reporting/summary.csv",
            caption="../report/summary.rst",
            category="Overview",
            labels={"figure": "Key numbers"},
        ),
        text="results/reporting/summary.txt",
    log:
        "results/logs/reporting/summary.log",
    threads: 1
    params:
        code=code_digest("reporting.summary"),
    shell:
        launch("reporting.summary")


rule figure_overview:
    input:
        jets=f"results/jets/{CONFIG.jets.algorithm}/histograms.json",
        metrics=expand("results/tagging/{model}/metrics.json", model=TAGGERS),
        roc=expand("results/tagging/{model}/roc.csv", model=TAGGERS),
        sic="results/anomaly/sic.csv",
        anomaly="results/anomaly/metrics.json",
        spectra="results/background/cathode/spectra.csv",
        fits="results/background/cathode/fits.json",
        limits=expand(
            "results/inference/{method}/limits.json", method=BACKGROUND_METHODS
        ),
        latency="results/firmware/latency.json",
    output:
        **figure(
            "overview",
            "Overview",
            {"figure": "From collisions to limits and firmware"},
        ),
    log:
        "results/logs/reporting/overview.log",
    threads: 1
    params:
        code=code_digest("reporting.overview"),
    shell:
        launch("reporting.overview")


TARGETS["reporting"] += [
    "results/reporting/overview.png",
    "results/reporting/summary.csv",
    "results/reporting/summary.txt",
]

# A figure's PDF and data by name too: asked for the PNG alone, Snakemake would not miss them, and
# a figure without all of them would not be drawn anew when its code changes.
TARGETS["reporting"] += [
    png.removesuffix("png") + kind
    for png in TARGETS["reporting"]
    if png.endswith(".png")
    for kind in ("pdf", "json")
]
