# What one looks at first: single events, and average images of jets.


rule figure_event_display:
    input:
        detector="results/detector/{sample}/display.json",
        jets=f"results/jets/{CONFIG.jets.algorithm}/display/{{sample}}.json",
    output:
        png=report(
            "results/reporting/displays/event_display_{sample}.png",
            caption="../../report/event_display.rst",
            category="Displays",
            labels={"figure": "Event display", "sample": "{sample}"},
        ),
        pdf="results/reporting/displays/event_display_{sample}.pdf",
    log:
        "results/logs/reporting/displays/event_display_{sample}.log",
    threads: 1
    params:
        code=code_digest("reporting.display.event"),
    shell:
        launch("reporting.display.event")


rule figure_jet_images:
    input:
        histograms=f"results/jets/{CONFIG.jets.algorithm}/images.json",
        summary=f"results/jets/{CONFIG.jets.algorithm}/images_summary.json",
    output:
        png=report(
            "results/reporting/displays/jet_images.png",
            caption="../../report/jet_images.rst",
            category="Displays",
            labels={"figure": "Average jet images"},
        ),
        pdf="results/reporting/displays/jet_images.pdf",
    log:
        "results/logs/reporting/displays/jet_images.log",
    threads: 1
    params:
        code=code_digest("reporting.jet_images.images"),
    shell:
        launch("reporting.jet_images.images")


TARGETS["reporting"] += [
    *expand(
        "results/reporting/displays/event_display_{sample}.png",
        sample=CONFIG.jets.display.samples,
    ),
    "results/reporting/displays/jet_images.png",
]
