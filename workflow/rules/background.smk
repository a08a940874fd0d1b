# Background: what the cut of each method leaves as background, estimated from the data themselves.

from jetchain.anomaly.methods import CONSTRAINTS_FILE
from jetchain.core.schema.background import NO_CUT

# A cut on the score, then the fit of the mass; or two cuts on independent scores.
BACKGROUND_CUT = [name for name in SEARCHES if METHODS[name].background == "sideband"]
BACKGROUND_ABCD = [name for name in SEARCHES if METHODS[name].background == "abcd"]
BACKGROUND_TEMPLATES = [name for name in SEARCHES if METHODS[name].template]
BACKGROUND_CONSTRAINED = [
    name for name in BACKGROUND_ABCD if CONSTRAINTS_FILE in METHODS[name].extras
]
# Those that are held against the true background as well.
BACKGROUND_CLOSED = BACKGROUND_TEMPLATES if CONFIG.background.quality.closure else []
BACKGROUND_HUNTS = [*NO_CUT, *BACKGROUND_CUT]
BACKGROUND_METHODS = [*NO_CUT, *BACKGROUND_CUT, *BACKGROUND_ABCD]
BACKGROUND_LABELS = json.dumps(NO_CUT | METHODS.labels(BACKGROUND_METHODS[1:]))


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
            luminosity=of_background("luminosity"),
            cross_section=of_background("cross_section"),
        ),
    shell:
        LAUNCH


rule check_template:
    input:
        data="results/anomaly/data.safetensors",
        template="results/anomaly/{method}/template.safetensors",
        sideband_template="results/anomaly/{method}/sideband_template.safetensors",
    output:
        quality="results/background/{method}/quality.json",
        distributions="results/background/{method}/distributions.csv",
    log:
        "results/logs/background/{method}/quality.log",
    wildcard_constraints:
        method=one_of(BACKGROUND_TEMPLATES),
    params:
        **job(
            "background.quality",
            settings={
                "signal_region": "anomaly.signal_region",
                "mass_range": "background.sideband.spectrum.mass_range",
                "boosting": "background.quality.boosting",
                "permutations": "background.quality.permutations",
            },
            seed=["background.{method}.quality"],
        ),
    shell:
        LAUNCH


rule close_template:
    input:
        data="results/anomaly/data.safetensors",
        truth="results/anomaly/truth.safetensors",
        template="results/anomaly/{method}/template.safetensors",
    output:
        closure="results/background/{method}/template_closure.json",
    log:
        "results/logs/background/{method}/template_closure.log",
    wildcard_constraints:
        method=one_of(BACKGROUND_TEMPLATES),
    params:
        **job(
            "background.closure.template",
            settings={
                "signal_region": "anomaly.signal_region",
                "mass_range": "background.sideband.spectrum.mass_range",
                "boosting": "background.quality.boosting",
                "permutations": "background.quality.permutations",
            },
            seed=["background.closure.template", "{method}"],
        ),
    shell:
        LAUNCH


rule predict_abcd:
    input:
        data="results/anomaly/data.safetensors",
        signal_test="results/anomaly/signal_test.safetensors",
        planes="results/anomaly/{method}/planes.safetensors",
        signal_planes="results/anomaly/{method}/signal_planes.safetensors",
        normalisation="results/background/normalisation.json",
    output:
        yields="results/background/{method}/yields.json",
    log:
        "results/logs/background/abcd/{method}.log",
    wildcard_constraints:
        method=one_of(BACKGROUND_ABCD),
    params:
        **job(
            "background.abcd.predict",
            settings={
                "signal_region": "anomaly.signal_region",
                "mass_range": "background.sideband.spectrum.mass_range",
                "efficiency": "background.abcd.efficiency",
            },
        ),
    shell:
        LAUNCH


rule fit_spectrum:
    input:
        data="results/anomaly/data.safetensors",
        signal_test="results/anomaly/signal_test.safetensors",
        scores="results/anomaly/{method}/scores.safetensors",
        signal_scores="results/anomaly/{method}/signal_scores.safetensors",
        normalisation="results/background/normalisation.json",
    output:
        fits="results/background/{method}/fits.json",
        spectra="results/background/{method}/spectra.csv",
        yields="results/background/{method}/yields.json",
    log:
        "results/logs/background/sideband/{method}.log",
    wildcard_constraints:
        method=one_of(BACKGROUND_CUT),
    params:
        **job(
            "background.sideband",
            settings={
                "signal_region": "anomaly.signal_region",
                "spectrum": "background.sideband.spectrum",
                "efficiency": "background.sideband.efficiency",
                "scan": "background.sideband.scan",
            },
            seed=["background.sideband"],
        ),
    shell:
        LAUNCH


rule fit_inclusive_spectrum:
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
            seed=["background.sideband"],
        ),
    shell:
        LAUNCH


rule hunt_bump:
    input:
        data="results/anomaly/data.safetensors",
        signal_test="results/anomaly/signal_test.safetensors",
        scores=scores_of("scores"),
        signal_scores=scores_of("signal_scores"),
        normalisation="results/background/normalisation.json",
    output:
        bump_hunt="results/background/{method}/bump_hunt.json",
    log:
        "results/logs/background/bump_hunt/{method}.log",
    wildcard_constraints:
        method=one_of(BACKGROUND_HUNTS),
    params:
        **job(
            "background.bump_hunt",
            settings={
                "signal_region": "anomaly.signal_region",
                "spectrum": "background.sideband.spectrum",
                "efficiency": "background.sideband.efficiency",
                "scan": "background.sideband.scan",
                "toys": "background.bump_hunt.toys",
            },
            # The fits of the search, once more.
            seed=["background.sideband"],
        ),
    shell:
        LAUNCH


# The varied signal of a search: a job each; then all together with the yields.
VARIED_CUT = {"planes": {"signal_region": "anomaly.signal_region"}}
VARIED_CUT[""] = VARIED_CUT["planes"] | {
    "mass_range": "background.sideband.spectrum.mass_range",
    "bin_width": "background.sideband.spectrum.bin_width",
}
VARIED_CUT["scores"] = VARIED_CUT[""] | {"efficiency": "background.sideband.efficiency"}

for suffix, methods, of_cut in (
    ("", BACKGROUND_CUT, "scores"),
    ("_abcd", BACKGROUND_ABCD, "planes"),
    ("_inclusive", NO_CUT, ""),
):

    rule:
        name:
            f"count_varied{suffix}"
        input:
            data="results/anomaly/data.safetensors",
            signal_test="results/anomaly/signal_test.safetensors",
            varied="results/anomaly/systematics/{systematic}.safetensors",
            scores=(
                [f"results/anomaly/{{method}}/{of_cut}.safetensors"] if of_cut else []
            ),
            signal_scores=(
                [f"results/anomaly/{{method}}/signal_{of_cut}.safetensors"]
                if of_cut
                else []
            ),
            varied_scores=(
                ["results/anomaly/{method}/systematics/{systematic}.safetensors"]
                if of_cut
                else []
            ),
            normalisation="results/background/normalisation.json",
            yields="results/background/{method}/yields.json",
        output:
            variation="results/background/{method}/systematics/{systematic}.json",
        log:
            "results/logs/background/{method}/systematics/{systematic}.log",
        wildcard_constraints:
            method=one_of(methods),
            systematic=one_of([*SYSTEMATICS, *GRID]),
        params:
            **job(
                "background.systematics.vary",
                settings=VARIED_CUT[of_cut],
            ),
        shell:
            LAUNCH


rule count_trainings:
    input:
        data="results/anomaly/data.safetensors",
        signal_test="results/anomaly/signal_test.safetensors",
        scores="results/anomaly/{method}/scores.safetensors",
        signal_scores="results/anomaly/{method}/signal_scores.safetensors",
        normalisation="results/background/normalisation.json",
    output:
        variation="results/background/{method}/systematics/training.json",
    log:
        "results/logs/background/{method}/systematics/training.log",
    wildcard_constraints:
        method=one_of(BACKGROUND_CUT),
    params:
        **job(
            "background.systematics.training",
            settings={
                "signal_region": "anomaly.signal_region",
                "mass_range": "background.sideband.spectrum.mass_range",
                "bin_width": "background.sideband.spectrum.bin_width",
                "efficiency": "background.sideband.efficiency",
            },
        ),
    shell:
        LAUNCH


rule collect_systematics:
    input:
        yields="results/background/{method}/yields.json",
        variations=variations_of,
        normalisation="results/background/normalisation.json",
        cutflow="results/anomaly/cutflow.json",
    output:
        search="results/background/{method}/search.json",
    log:
        "results/logs/background/{method}/search.log",
    wildcard_constraints:
        method=one_of(BACKGROUND_METHODS),
    params:
        **job(
            "background.systematics.collect",
            settings={
                "signal_region": "anomaly.signal_region",
                "mass_range": "background.sideband.spectrum.mass_range",
                "bin_width": "background.sideband.spectrum.bin_width",
                "systematics": "background.systematics",
            },
        ),
    shell:
        LAUNCH


rule close_spectrum:
    input:
        data="results/anomaly/data.safetensors",
        truth="results/anomaly/truth.safetensors",
        signal_test="results/anomaly/signal_test.safetensors",
        scores="results/anomaly/{method}/scores.safetensors",
        signal_scores="results/anomaly/{method}/signal_scores.safetensors",
        normalisation="results/background/normalisation.json",
    output:
        closure="results/background/{method}/closure.json",
    log:
        "results/logs/background/closure/{method}.log",
    wildcard_constraints:
        method=one_of(BACKGROUND_CUT),
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
        LAUNCH


rule close_abcd:
    input:
        data="results/anomaly/data.safetensors",
        truth="results/anomaly/truth.safetensors",
        signal_test="results/anomaly/signal_test.safetensors",
        planes="results/anomaly/{method}/planes.safetensors",
        signal_planes="results/anomaly/{method}/signal_planes.safetensors",
    output:
        closure="results/background/{method}/closure.json",
        scan="results/background/{method}/scan.csv",
        plane="results/background/{method}/plane.csv",
    log:
        "results/logs/background/closure/{method}.log",
    wildcard_constraints:
        method=one_of(BACKGROUND_ABCD),
    params:
        **job(
            "background.closure.abcd",
            settings={
                "signal_region": "anomaly.signal_region",
                "mass_range": "background.sideband.spectrum.mass_range",
                "efficiency": "background.abcd.efficiency",
            },
        ),
    shell:
        LAUNCH


TARGETS["background"] = [
    *expand("results/background/{method}/search.json", method=BACKGROUND_METHODS),
    *expand("results/background/{method}/closure.json", method=BACKGROUND_METHODS[1:]),
    *expand("results/background/{method}/quality.json", method=BACKGROUND_TEMPLATES),
    *expand(
        "results/background/{method}/template_closure.json", method=BACKGROUND_CLOSED
    ),
    *expand(
        "results/background/{method}/bump_hunt.json",
        method=CONFIG.background.bump_hunt.methods,
    ),
]
