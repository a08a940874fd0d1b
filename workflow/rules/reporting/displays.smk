# What one looks at first: single events, average images of jets, what the networks look at.


def name_of_network(wildcards):
    """The displayed name of a network of particle flow."""
    return labels("particleflow.algorithms", [wildcards.algorithm])


FIGURES += [
    Figure(
        "displays/event_display_{sample}",
        "reporting.display.event",
        "Displays",
        {"figure": "Event display", "sample": "{sample}"},
        inputs=dict(
            detector="results/detector/{sample}/display.json",
            jets=f"results/jets/{CONFIG.jets.algorithm}/display/{{sample}}.json",
        ),
        over={"sample": CONFIG.jets.display.samples},
    ),
    Figure(
        "displays/jet_images",
        "reporting.jet_images.images",
        "Displays",
        {"figure": "Average jet images"},
        inputs=dict(
            histograms=f"results/jets/{CONFIG.jets.algorithm}/images.json",
            summary=f"results/jets/{CONFIG.jets.algorithm}/images_summary.json",
        ),
    ),
    Figure(
        "displays/{algorithm}_influence",
        "reporting.influence",
        "Displays",
        {"figure": "What the particle-flow network looks at", "network": "{algorithm}"},
        inputs=dict(influence="results/particleflow/{algorithm}/influence.json"),
        params=dict(
            labels=name_of_network, sample=CONFIG.particleflow.evaluation.samples[0]
        ),
        over={"algorithm": [name for name in COMPARED if name in NETWORKS]},
    ),
    Figure(
        "displays/tagging_explanation_{model}",
        "reporting.explanation",
        "Displays",
        {"figure": "What the tagger looks at", "tagger": "{model}"},
        inputs=dict(
            maps="results/tagging/{model}/explanation_maps.json",
            importance="results/tagging/{model}/explanation.json",
        ),
        params=dict(taggers=name_of_tagger),
        over={"model": [name for name in TAGGERS if name in CONFIG.tagging.explained]},
    ),
]
