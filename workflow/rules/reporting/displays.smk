# What one looks at first: single events, average images of jets, what the networks look at.


rule figure_event_display:
    input:
        detector="results/detector/{sample}/display.json",
        jets=f"results/jets/{CONFIG.jets.algorithm}/display/{{sample}}.json",
    output:
        **figure(
            "displays/event_display_{sample}",
            "Displays",
            {"figure": "Event display", "sample": "{sample}"},
        ),
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
        **figure("displays/jet_images", "Displays", {"figure": "Average jet images"}),
    log:
        "results/logs/reporting/displays/jet_images.log",
    threads: 1
    params:
        code=code_digest("reporting.jet_images.images"),
    shell:
        launch("reporting.jet_images.images")


rule figure_mlpf_influence:
    input:
        influence="results/particleflow/mlpf/influence.json",
    output:
        **figure(
            "displays/mlpf_influence", "Displays", {"figure": "What MLPF looks at"}
        ),
    log:
        "results/logs/reporting/displays/mlpf_influence.log",
    threads: 1
    params:
        code=code_digest("reporting.influence.mlpf_influence"),
    shell:
        launch("reporting.influence.mlpf_influence")


rule figure_tagging_explanation:
    input:
        maps="results/tagging/{model}/explanation_maps.json",
        importance="results/tagging/{model}/explanation.json",
    output:
        **figure(
            "displays/tagging_explanation_{model}",
            "Displays",
            {"figure": "What the tagger looks at", "tagger": "{model}"},
        ),
    log:
        "results/logs/reporting/displays/tagging_explanation_{model}.log",
    threads: 1
    params:
        code=code_digest("reporting.explanation"),
    shell:
        launch("reporting.explanation")


TARGETS["reporting"] += [
    *expand(
        "results/reporting/displays/event_display_{sample}.png",
        sample=CONFIG.jets.display.samples,
    ),
    "results/reporting/displays/jet_images.png",
    "results/reporting/displays/mlpf_influence.png",
    *expand(
        "results/reporting/displays/tagging_explanation_{model}.png",
        model=CONFIG.tagging.taggers,
    ),
]
