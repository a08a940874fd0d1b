# From trigger to limit: a firmware design in front of the search. Events that it rejects are gone;
# background and limit are made anew from what is left. Of `firmware_trigger`, not of `all`.

TRIGGER = CONFIG.firmware.trigger
BEHIND = "trigger/{design}/{rate}"
TRIGGERED_METHODS = TRIGGER.methods
SEARCHED = [*CONFIG.anomaly.background, *CONFIG.anomaly.signal]


# The jets of the search, which are harder than those of the taggers.
rule trigger_graphs:
    input:
        jets=f"results/jets/{CONFIG.jets.algorithm}/{{sample}}/{{shard}}.root",
        particles=f"results/particleflow/{CONFIG.jets.algorithm}/{{sample}}/{{shard}}.root",
    output:
        graphs="results/firmware/trigger/graphs/{sample}/{shard}.safetensors",
        cutflow="results/firmware/trigger/graphs/{sample}/{shard}.json",
    log:
        "results/logs/firmware/trigger/graphs/{sample}/{shard}.log",
    params:
        **job(
            "graphs.build.jets",
            settings={
                "radius": "anomaly.features.radius",
                "pt_min": "firmware.trigger.pt_min",
                "pt_max": "firmware.trigger.pt_max",
                "eta_max": "firmware.trigger.eta_max",
                "max_constituents": "firmware.dataset.constituents",
                "neighbours": "graphs.jets.neighbours",
            },
        ),
    shell:
        LAUNCH


rule score_trigger:
    input:
        weights="results/firmware/{design}/quantised/weights.safetensors",
        graphs="results/firmware/trigger/graphs/{sample}/{shard}.safetensors",
    output:
        scores="results/firmware/trigger/{design}/{sample}/{shard}.safetensors",
    log:
        "results/logs/firmware/trigger/{design}/{sample}/{shard}.log",
    params:
        **job(
            "firmware.trigger.score",
            settings={
                "model": "firmware.models.{design}",
                "formats": "firmware.formats",
                "headroom": "firmware.headroom",
                "dataset": "firmware.dataset",
                "background": "firmware.trigger.background",
            },
            members=["firmware.designs.{design}"],
            file=file_of_design,
        ),
    shell:
        LAUNCH


rule apply_trigger:
    input:
        jets=shards(
            f"results/jets/{CONFIG.jets.algorithm}/{{sample}}/{{shard}}.root", SEARCHED
        ),
        scores=shards(
            "results/firmware/trigger/{design}/{sample}/{shard}.safetensors", SEARCHED
        ),
        pool_data="results/anomaly/data.safetensors",
        pool_truth="results/anomaly/truth.safetensors",
        pool_signal="results/anomaly/signal_test.safetensors",
        normalisation="results/background/normalisation.json",
    output:
        data=f"results/anomaly/{BEHIND}/data.safetensors",
        truth=f"results/anomaly/{BEHIND}/truth.safetensors",
        signal_test=f"results/anomaly/{BEHIND}/signal_test.safetensors",
        scaled=f"results/anomaly/{BEHIND}/normalisation.json",
        point=f"results/anomaly/{BEHIND}/point.json",
    log:
        f"results/logs/anomaly/{BEHIND}/apply.log",
    params:
        **job("anomaly.trigger.apply", settings="anomaly.features"),
    shell:
        LAUNCH


# Twin rules of search_<method>, fit_spectrum and fit_inclusive_spectrum.
for name in TRIGGERED_METHODS:

    rule:
        name:
            f"trigger_{name}"
        input:
            data=f"results/anomaly/{BEHIND}/data.safetensors",
            signal_test=f"results/anomaly/{BEHIND}/signal_test.safetensors",
            truth=(
                [f"results/anomaly/{BEHIND}/truth.safetensors"]
                if METHODS[name].reference
                else []
            ),
            template=[],
            background_test=[],
        output:
            scores=f"results/anomaly/{BEHIND}/{{method}}/scores.safetensors",
            signal_scores=f"results/anomaly/{BEHIND}/{{method}}/signal_scores.safetensors",
            background_scores=[],
            extras=[
                f"results/anomaly/{BEHIND}/{{method}}/{extra}"
                for extra in METHODS[name].extras
            ],
        log:
            f"results/logs/anomaly/{BEHIND}/{{method}}.log",
        wildcard_constraints:
            method=name,
        params:
            **job(
                "anomaly.search",
                settings=search_settings(name, "anomaly.signal_region"),
                # As without a trigger: what changes is the trigger's.
                seed=METHODS[name].identity or ("anomaly.search", name),
                members=["anomaly.methods.{method}"],
            ),
        shell:
            LAUNCH


rule trigger_spectrum:
    input:
        data=f"results/anomaly/{BEHIND}/data.safetensors",
        signal_test=f"results/anomaly/{BEHIND}/signal_test.safetensors",
        scores=f"results/anomaly/{BEHIND}/{{method}}/scores.safetensors",
        signal_scores=f"results/anomaly/{BEHIND}/{{method}}/signal_scores.safetensors",
        normalisation=f"results/anomaly/{BEHIND}/normalisation.json",
    output:
        fits=f"results/background/{BEHIND}/{{method}}/fits.json",
        spectra=f"results/background/{BEHIND}/{{method}}/spectra.csv",
        yields=f"results/background/{BEHIND}/{{method}}/yields.json",
    log:
        f"results/logs/background/{BEHIND}/{{method}}.log",
    wildcard_constraints:
        method=one_of(TRIGGERED_METHODS),
    params:
        **job(
            "background.sideband",
            settings={
                "signal_region": "anomaly.signal_region",
                "spectrum": "background.sideband.spectrum",
                "efficiency": "background.sideband.efficiency",
            },
            seed=["background.sideband"],
        ),
    shell:
        LAUNCH


rule trigger_inclusive:
    input:
        data=f"results/anomaly/{BEHIND}/data.safetensors",
        signal_test=f"results/anomaly/{BEHIND}/signal_test.safetensors",
        normalisation=f"results/anomaly/{BEHIND}/normalisation.json",
    output:
        fits=f"results/background/{BEHIND}/inclusive/fits.json",
        spectra=f"results/background/{BEHIND}/inclusive/spectra.csv",
        yields=f"results/background/{BEHIND}/inclusive/yields.json",
    log:
        f"results/logs/background/{BEHIND}/inclusive.log",
    params:
        **job(
            "background.sideband.inclusive",
            settings={
                "signal_region": "anomaly.signal_region",
                "spectrum": "background.sideband.spectrum",
            },
            seed=["background.sideband"],
        ),
    shell:
        LAUNCH


rule measure_triggered:
    input:
        yields=f"results/background/{BEHIND}/{{method}}/yields.json",
    output:
        measurement=f"results/inference/{BEHIND}/{{method}}/measurement.json",
    log:
        f"results/logs/inference/{BEHIND}/{{method}}.log",
    params:
        **job(
            "inference.measure",
            settings={
                "fit": "inference.fit",
                "level": "inference.limits.level",
                "workspace": "inference.workspace",
            },
            strength="1",
            seed=["inference.fit", "{method}"],
        ),
    shell:
        LAUNCH
