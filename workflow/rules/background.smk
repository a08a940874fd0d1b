# Background: searches for the hidden signal whose background comes from the data themselves.

BACKGROUND_CUT = ["cwola", "cathode"]  # a cut on a score, then the fit of the sidebands
BACKGROUND_METHODS = ["inclusive", *BACKGROUND_CUT, "disco"]


rule normalise_search:
    input:
        cutflow="results/anomaly/cutflow.json",
        background=shards(
            "results/generate/{sample}/{shard}.json", CONFIG.anomaly.background
        ),
        signal=shards("results/generate/{sample}/{shard}.json", CONFIG.anomaly.signal),
    output:
        normalisation="results/background/normalisation.json",
    log:
        "results/logs/background/normalisation.log",
    params:
        **job(
            "background.normalisation",
            settings={"reference_events": "background.reference_events"},
        ),
    shell:
        launch()


rule train_cwola:
    input:
        data="results/anomaly/data.safetensors",
        signal_test="results/anomaly/signal_test.safetensors",
    output:
        scores="results/background/cwola/scores.safetensors",
        signal_scores="results/background/cwola/signal_scores.safetensors",
    log:
        "results/logs/background/cwola.log",
    params:
        **job(
            "background.cwola",
            settings={
                "signal_region": "anomaly.signal_region",
                "cwola": "background.cwola",
            },
            seed=["background.cwola"],
        ),
    shell:
        launch()


rule draw_cathode_template:
    input:
        data="results/anomaly/data.safetensors",
    output:
        template="results/background/cathode/template.safetensors",
        sideband_template="results/background/cathode/sideband_template.safetensors",
        weights="results/background/cathode/weights.safetensors",
        history="results/background/cathode/history.csv",
    log:
        "results/logs/background/cathode/template.log",
    resources:
        mem_mb=1500,
    params:
        **job(
            "background.cathode.template",
            settings={
                "signal_region": "anomaly.signal_region",
                "mass_range": "background.sideband.spectrum.mass_range",
                "template": "background.cathode.template",
            },
            seed=["background.cathode.template"],
        ),
    shell:
        launch()


rule classify_cathode:
    input:
        data="results/anomaly/data.safetensors",
        signal_test="results/anomaly/signal_test.safetensors",
        template="results/background/cathode/template.safetensors",
    output:
        scores="results/background/cathode/scores.safetensors",
        signal_scores="results/background/cathode/signal_scores.safetensors",
    log:
        "results/logs/background/cathode/classify.log",
    params:
        **job(
            "background.cathode.classify",
            settings={
                "signal_region": "anomaly.signal_region",
                "boosting": "background.cathode.boosting",
            },
            seed=["background.cathode.classify"],
        ),
    shell:
        launch()


rule check_cathode_template:
    input:
        data="results/anomaly/data.safetensors",
        template="results/background/cathode/template.safetensors",
        sideband_template="results/background/cathode/sideband_template.safetensors",
    output:
        quality="results/background/cathode/quality.json",
        distributions="results/background/cathode/distributions.csv",
    log:
        "results/logs/background/cathode/quality.log",
    params:
        **job(
            "background.cathode.quality",
            settings={
                "signal_region": "anomaly.signal_region",
                "mass_range": "background.sideband.spectrum.mass_range",
                "boosting": "background.cathode.boosting",
                "permutations": "background.cathode.permutations",
            },
            seed=["background.cathode.quality"],
        ),
    shell:
        launch()


rule train_disco:
    input:
        data="results/anomaly/data.safetensors",
        signal_test="results/anomaly/signal_test.safetensors",
    output:
        planes="results/background/disco/planes.safetensors",
        signal_planes="results/background/disco/signal_planes.safetensors",
        scores="results/background/disco/scores.safetensors",
        signal_scores="results/background/disco/signal_scores.safetensors",
        weights="results/background/disco/weights.safetensors",
        history="results/background/disco/history.csv",
    log:
        "results/logs/background/disco/train.log",
    resources:
        mem_mb=1500,
    params:
        **job(
            "background.disco",
            settings={
                "signal_region": "anomaly.signal_region",
                "mass_range": "background.sideband.spectrum.mass_range",
                "networks": "background.disco.networks",
            },
            seed=["background.disco"],
        ),
    shell:
        launch()


rule predict_disco:
    input:
        data="results/anomaly/data.safetensors",
        signal_test="results/anomaly/signal_test.safetensors",
        planes="results/background/disco/planes.safetensors",
        signal_planes="results/background/disco/signal_planes.safetensors",
        normalisation="results/background/normalisation.json",
    output:
        yields="results/background/disco/yields.json",
    log:
        "results/logs/background/disco/predict.log",
    params:
        **job(
            "background.disco.predict",
            settings={
                "signal_region": "anomaly.signal_region",
                "mass_range": "background.sideband.spectrum.mass_range",
                "efficiency": "background.disco.efficiency",
            },
        ),
    shell:
        launch()


rule fit_sidebands:
    input:
        data="results/anomaly/data.safetensors",
        signal_test="results/anomaly/signal_test.safetensors",
        scores="results/background/{method}/scores.safetensors",
        signal_scores="results/background/{method}/signal_scores.safetensors",
        normalisation="results/background/normalisation.json",
    output:
        fits="results/background/{method}/fits.json",
        spectra="results/background/{method}/spectra.csv",
        yields="results/background/{method}/yields.json",
    log:
        "results/logs/background/sideband/{method}.log",
    wildcard_constraints:
        method="|".join(BACKGROUND_CUT),
    params:
        **job(
            "background.sideband",
            settings={
                "signal_region": "anomaly.signal_region",
                "spectrum": "background.sideband.spectrum",
                "efficiency": "background.sideband.efficiency",
                "scan": "background.sideband.scan",
            },
        ),
    shell:
        launch()


rule fit_inclusive_sidebands:
    input:
        data="results/anomaly/data.safetensors",
        signal_test="results/anomaly/signal_test.safetensors",
        normalisation="results/background/normalisation.json",
    output:
        fits="results/background/inclusive/fits.json",
        spectra="results/background/inclusive/spectra.csv",
        yields="results/background/inclusive/yields.json",
    log:
        "results/logs/background/sideband/inclusive.log",
    params:
        **job(
            "background.sideband.inclusive",
            settings={
                "signal_region": "anomaly.signal_region",
                "spectrum": "background.sideband.spectrum",
            },
        ),
    shell:
        launch()


rule close_spectrum:
    input:
        data="results/anomaly/data.safetensors",
        truth="results/anomaly/truth.safetensors",
        scores="results/background/{method}/scores.safetensors",
    output:
        closure="results/background/{method}/closure.json",
    log:
        "results/logs/background/closure/{method}.log",
    wildcard_constraints:
        method="|".join(BACKGROUND_CUT),
    params:
        **job(
            "background.closure.spectrum",
            settings={
                "signal_region": "anomaly.signal_region",
                "spectrum": "background.sideband.spectrum",
                "efficiency": "background.sideband.efficiency",
                "scan": "background.sideband.scan",
            },
            seed=["background.closure.spectrum", "{method}"],
        ),
    shell:
        launch()


rule close_abcd:
    input:
        data="results/anomaly/data.safetensors",
        truth="results/anomaly/truth.safetensors",
        signal_test="results/anomaly/signal_test.safetensors",
        planes="results/background/disco/planes.safetensors",
        signal_planes="results/background/disco/signal_planes.safetensors",
    output:
        closure="results/background/disco/closure.json",
        scan="results/background/disco/scan.csv",
        plane="results/background/disco/plane.csv",
    log:
        "results/logs/background/closure/disco.log",
    params:
        **job(
            "background.closure.abcd",
            settings={
                "signal_region": "anomaly.signal_region",
                "mass_range": "background.sideband.spectrum.mass_range",
                "efficiency": "background.disco.efficiency",
            },
        ),
    shell:
        launch()


TARGETS["background"] = [
    *expand("results/background/{method}/yields.json", method=BACKGROUND_METHODS),
    *expand(
        "results/background/{method}/closure.json", method=[*BACKGROUND_CUT, "disco"]
    ),
    "results/background/cathode/quality.json",
]
