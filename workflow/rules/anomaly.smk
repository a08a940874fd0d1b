# Anomaly: dijet events with a hidden signal, the methods that score them, and their comparison.

from jetchain.anomaly.methods import TREES_FILE

METHODS = family("anomaly.methods")
SEARCHES = CONFIG.anomaly.searches
SEARCH_LABELS = labels(
    "anomaly.methods", [name for name in METHODS if name in SEARCHES]
)


rule make_dijets:
    input:
        background=shards(
            f"results/jets/{CONFIG.jets.algorithm}/{{sample}}/{{shard}}.root",
            CONFIG.anomaly.background,
        ),
        signal=shards(
            f"results/jets/{CONFIG.jets.algorithm}/{{sample}}/{{shard}}.root",
            CONFIG.anomaly.signal,
        ),
        accounts=(
            shards("results/generate/{sample}/{shard}.json", CONFIG.anomaly.background)
            if of_background("luminosity")
            else []
        ),
    output:
        data="results/anomaly/data.safetensors",
        truth="results/anomaly/truth.safetensors",
        signal_test="results/anomaly/signal_test.safetensors",
        cutflow="results/anomaly/cutflow.json",
        histograms="results/anomaly/histograms.json",
    log:
        "results/logs/anomaly/features.log",
    params:
        **job(
            "anomaly.features",
            settings="anomaly.features",
            seed=["anomaly.features"],
            luminosity=of_background("luminosity"),
            cross_section=of_background("cross_section"),
        ),
    shell:
        LAUNCH


rule measure_resonance:
    input:
        signal=shards(
            f"results/jets/{CONFIG.jets.algorithm}/{{sample}}/{{shard}}.root",
            CONFIG.anomaly.signal,
        ),
        closure=JET_CLOSURE,
    output:
        histograms="results/anomaly/resonance_histograms.json",
        summary="results/anomaly/resonance.json",
    log:
        "results/logs/anomaly/resonance.log",
    params:
        **job(
            "anomaly.resonance",
            settings={
                "signal_region": "anomaly.signal_region",
                "radius": "anomaly.features.radius",
                "trigger_pt": "anomaly.features.trigger_pt",
            },
            seed=["anomaly.resonance"],
        ),
    shell:
        LAUNCH


# One rule a method: what it reads and writes stands in its line of METHODS.
for name in SEARCHES:
    method = METHODS[name]

    if method.template:

        rule:
            name:
                f"draw_{name}"
            input:
                data="results/anomaly/data.safetensors",
            output:
                template="results/anomaly/{method}/template.safetensors",
                sideband_template="results/anomaly/{method}/sideband_template.safetensors",
                weights="results/anomaly/{method}/weights.safetensors",
                history="results/anomaly/{method}/history.csv",
            log:
                "results/logs/anomaly/{method}/template.log",
            wildcard_constraints:
                method=name,
            params:
                **job(
                    "anomaly.search.template",
                    settings={
                        "signal_region": "anomaly.signal_region",
                        "mass_range": "background.sideband.spectrum.mass_range",
                        "template": "anomaly.methods.{method}.template",
                    },
                    # As it was named when CATHODE's was the only one: published numbers stay.
                    seed=["background.{method}.template"],
                    members=["anomaly.methods.{method}"],
                ),
            shell:
                LAUNCH

    rule:
        name:
            f"search_{name}"
        input:
            data="results/anomaly/data.safetensors",
            signal_test="results/anomaly/signal_test.safetensors",
            truth=["results/anomaly/truth.safetensors"] if method.reference else [],
            template=(
                ["results/anomaly/{method}/template.safetensors"]
                if method.template
                else []
            ),
            background_test=[],
        output:
            scores="results/anomaly/{method}/scores.safetensors",
            signal_scores="results/anomaly/{method}/signal_scores.safetensors",
            background_scores=[],
            extras=[f"results/anomaly/{{method}}/{extra}" for extra in method.extras],
        log:
            "results/logs/anomaly/{method}/search.log",
        wildcard_constraints:
            method=name,
        params:
            **job(
                "anomaly.search",
                settings=search_settings(name, "anomaly.signal_region"),
                seed=method.identity or ("anomaly.search", name),
                members=["anomaly.methods.{method}"],
            ),
        shell:
            LAUNCH


# The signal with one thing varied: a job each, and one a method that scores it.
SYSTEMATICS = CONFIG.anomaly.systematics.names(
    calibrated=CONFIG.jets.calibration.enabled,
    showers=all(
        getattr(CONFIG.generate.samples[name].generation, "variations", "none")
        == "shower"
        for name in CONFIG.anomaly.signal
    ),
)


VARIATION = {
    "radius": "anomaly.features.radius",
    "trigger_pt": "anomaly.features.trigger_pt",
}


rule vary_signal:
    input:
        nominal=shards(
            f"results/jets/{CONFIG.jets.algorithm}/{{sample}}/{{shard}}.root",
            CONFIG.anomaly.signal,
        ),
        other=read_to_vary("other"),
        closure=read_to_vary("closure"),
        generated=read_to_vary("generated"),
        signal_test="results/anomaly/signal_test.safetensors",
    output:
        varied="results/anomaly/systematics/{systematic}.safetensors",
    log:
        "results/logs/anomaly/systematics/{systematic}.log",
    wildcard_constraints:
        systematic=one_of(SYSTEMATICS),
    params:
        **job(
            "anomaly.systematics.vary",
            settings=VARIATION,
            seed=["anomaly.systematics", "{systematic}"],
        ),
    shell:
        LAUNCH


# Signals of other parameters are scored and counted like variations.
GRID = list(CONFIG.anomaly.grid.samples)


rule make_other_signal:
    input:
        jets=read_to_vary("jets"),
        accounts=read_to_vary("accounts"),
        normalisation="results/background/normalisation.json",
        signal_test="results/anomaly/signal_test.safetensors",
    output:
        varied="results/anomaly/systematics/{systematic}.safetensors",
    log:
        "results/logs/anomaly/systematics/{systematic}.log",
    wildcard_constraints:
        systematic=one_of(GRID),
    params:
        **job("anomaly.systematics.other_signal", settings=VARIATION),
    shell:
        LAUNCH


for name in (name for name in SEARCHES if METHODS[name].saved):
    method = METHODS[name]

    rule:
        name:
            f"score_varied_{name}"
        input:
            models=f"results/anomaly/{{method}}/{method.saved}",
            data=(
                []
                if method.saved == TREES_FILE
                else ["results/anomaly/data.safetensors"]
            ),
            varied="results/anomaly/systematics/{systematic}.safetensors",
        output:
            scores="results/anomaly/{method}/systematics/{systematic}.safetensors",
        log:
            "results/logs/anomaly/{method}/systematics/{systematic}.log",
        wildcard_constraints:
            method=name,
            systematic=one_of([*SYSTEMATICS, *GRID]),
        params:
            **job(
                "anomaly.rescore",
                settings={"signal_region": "anomaly.signal_region"}
                | (
                    {"mass_range": "background.sideband.spectrum.mass_range"}
                    if method.mass_range
                    else {}
                ),
            ),
        shell:
            LAUNCH


rule evaluate_anomaly:
    input:
        data="results/anomaly/data.safetensors",
        truth="results/anomaly/truth.safetensors",
        signal_test="results/anomaly/signal_test.safetensors",
        scores=expand("results/anomaly/{method}/scores.safetensors", method=SEARCHES),
        signal_scores=expand(
            "results/anomaly/{method}/signal_scores.safetensors", method=SEARCHES
        ),
    output:
        metrics="results/anomaly/metrics.json",
        curves="results/anomaly/sic.csv",
    log:
        "results/logs/anomaly/evaluate.log",
    params:
        **job(
            "anomaly.evaluate",
            settings={
                "signal_region": "anomaly.signal_region",
                "evaluation": "anomaly.evaluation",
            },
            seed=["anomaly.evaluate"],
        ),
    shell:
        LAUNCH


TARGETS["anomaly"] = [
    "results/anomaly/metrics.json",
    "results/anomaly/sic.csv",
    "results/anomaly/resonance.json",
]
