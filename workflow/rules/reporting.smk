# Reporting: figures and tables from the rooms' result tables. Each room's figures stand in a table
# of their own; one rule, below, draws them all.


include: "reporting/generate.smk"
include: "reporting/detector.smk"
include: "reporting/detector_validation.smk"
include: "reporting/particleflow.smk"
include: "reporting/jets.smk"
include: "reporting/displays.smk"
include: "reporting/graphs.smk"
include: "reporting/tagging.smk"
include: "reporting/anomaly.smk"
include: "reporting/scan.smk"
include: "reporting/background.smk"
include: "reporting/inference.smk"
include: "reporting/applications.smk"
include: "reporting/firmware.smk"


SEARCH_LIMITS = expand(
    "results/inference/{method}/limits.json", method=BACKGROUND_METHODS
)

SHOWN_CUT = [*NO_CUT, *BACKGROUND_CUT][-1]  # one spectrum stands for all

FIGURES.append(
    Figure(
        "overview",
        "reporting.overview",
        "Overview",
        {"figure": "From collisions to limits and firmware"},
        inputs=dict(
            jets=f"results/jets/{CONFIG.jets.algorithm}/histograms.json",
            metrics=expand("results/tagging/{model}/metrics.json", model=TAGGERS),
            roc=expand("results/tagging/{model}/roc.csv", model=TAGGERS),
            sic="results/anomaly/sic.csv",
            anomaly="results/anomaly/metrics.json",
            spectra=f"results/background/{SHOWN_CUT}/spectra.csv",
            fits=f"results/background/{SHOWN_CUT}/fits.json",
            limits=SEARCH_LIMITS,
            normalisation="results/background/normalisation.json",
            checks="results/inference/checks.json",
            latency=FIRMWARE_REPORTS,
        ),
        params=dict(
            radius=str(CONFIG.jets.summary.radius),
            searches=SEARCH_LABELS,
            backgrounds=BACKGROUND_LABELS,
            taggers=labels("tagging.models", TAGGERS),
            designs=labels("firmware.designs", CONFIG.firmware.designs),
        ),
    )
)


# One or two a room: what `make quick` draws.
FIRST_FIGURES = [
    "overview",
    "generate/generated_spectra",
    f"displays/event_display_{CONFIG.jets.display.samples[0]}",
    "particleflow/pflow_resolution",
    "jets/jet_mass",
    "graphs/jet_graph",
    "tagging/tagging_roc",
    "anomaly/significance_improvement",
    f"background/dijet_spectrum_{SHOWN_CUT}",
    "inference/limits",
    "firmware/firmware_summary",
]


for figure in [
    *FIGURES,
    LEARNING,
    *PFLOW_TRANSFER,
    *FULL_TAGGING,
    *PFLOW_CHOICE,
    *PILEUP_DEPENDENCE,
    *APPLICATION_FIGURES,
    *FIRMWARE_SCAN,
    FIRMWARE_SYNTHESIS,
    FIRMWARE_TREES,
    FIRMWARE_TRIGGER,
    *FIRMWARE_AUTOENCODER,
]:

    rule:
        name:
            figure.rule
        input:
            **figure.inputs,
        output:
            **drawn(figure),
        log:
            f"results/logs/reporting/{figure.name}.log",
        params:
            **job(figure.verb, **figure.params),
        shell:
            LAUNCH


rule summarise_run:
    input:
        jets=f"results/jets/{CONFIG.jets.algorithm}/summary.json",
        tagging=expand("results/tagging/{model}/metrics.json", model=TAGGERS),
        anomaly="results/anomaly/metrics.json",
        closures=expand(
            "results/background/{method}/closure.json", method=BACKGROUND_ABCD
        ),
        limits=SEARCH_LIMITS,
        checks="results/inference/checks.json",
        scans=expand(
            "results/anomaly/scan/{scan}/summary.json", scan=CONFIG.anomaly.scanned
        ),
        firmware=f"results/firmware/{CONFIG.firmware.designs[0]}/latency.json",
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
    params:
        **job("reporting.summary"),
    shell:
        LAUNCH


# A figure's PDF and data by name too: asked for the PNG alone, Snakemake would not miss them, and
# a figure without all of them would not be drawn anew when its code changes.
TARGETS["reporting"] += [
    path
    for figure in FIGURES
    for path in expand(f"{figure.path}.{{kind}}", kind=figure.kinds, **figure.over)
] + ["results/reporting/summary.csv", "results/reporting/summary.txt"]
