# What the choice of particle flow does: taggers and searches on the jets of other algorithms than
# jets.algorithm, from the same events. Of `pflow_choice`, not of `all`.

CHOICE = CONFIG.particleflow.choice
CHOSEN_ALGORITHMS = [
    name for name in CHOICE.algorithms if name != CONFIG.jets.algorithm
]
CHOSEN_SEARCHES = [name for name in CHOICE.searches if name in SEARCHES]
CHOSEN = "choice/{algorithm}"
OF_CHOSEN = f"results/anomaly/{CHOSEN}/{{method}}"


rule compare_chosen_taggers:
    input:
        dataset="results/tagging/dataset.json",
        jets=JETS_OF_TAGGING,
        other_dataset=f"results/tagging/{CHOSEN}/dataset.json",
        other_jets=shards(
            f"results/tagging/{CHOSEN}/jets/{{sample}}/{{shard}}.safetensors",
            SAMPLES_OF_TAGGING,
        ),
        metrics=expand("results/tagging/{model}/metrics.json", model=CHOICE.taggers),
        reference=expand(
            "results/tagging/{model}/scores.safetensors", model=CHOICE.taggers
        ),
        applied=expand(
            f"results/tagging/{CHOSEN}/{{model}}/applied/scores.safetensors",
            model=CHOICE.taggers,
            allow_missing=True,
        ),
        own=expand(
            f"results/tagging/{CHOSEN}/{{model}}/own/scores.safetensors",
            model=CHOICE.taggers,
            allow_missing=True,
        ),
    output:
        result=f"results/tagging/{CHOSEN}/compared.json",
    log:
        f"results/logs/tagging/{CHOSEN}/compare.log",
    params:
        **job(
            "tagging.choice",
            settings={
                "bootstrap_replicas": "tagging.evaluation.bootstrap_replicas",
                "pairs": "tagging.pairs",
                "radius": "graphs.jets.radius",
            },
            seed=["tagging.choice"],
        ),
    shell:
        LAUNCH


rule choice_dijets:
    input:
        background=shards(
            "results/jets/{algorithm}/{sample}/{shard}.root", CONFIG.anomaly.background
        ),
        signal=shards(
            "results/jets/{algorithm}/{sample}/{shard}.root", CONFIG.anomaly.signal
        ),
        known_background=rules.make_dijets.input.background,
        known_signal=rules.make_dijets.input.signal,
        pool_data="results/anomaly/data.safetensors",
        pool_truth="results/anomaly/truth.safetensors",
        pool_signal="results/anomaly/signal_test.safetensors",
        accounts=rules.make_dijets.input.accounts,
    output:
        data=f"results/anomaly/{CHOSEN}/data.safetensors",
        truth=f"results/anomaly/{CHOSEN}/truth.safetensors",
        signal_test=f"results/anomaly/{CHOSEN}/signal_test.safetensors",
    log:
        f"results/logs/anomaly/{CHOSEN}/dijets.log",
    params:
        # The seed of make_dijets: the same events of the background are taken.
        **job(
            "anomaly.choice.dijets",
            settings="anomaly.features",
            seed=["anomaly.features"],
            luminosity=of_background("luminosity"),
            cross_section=of_background("cross_section"),
        ),
    shell:
        LAUNCH


# Twin rules of draw_<method> and search_<method>, with their seeds.
for name in SEARCHES:
    method = METHODS[name]

    if method.template:

        rule:
            name:
                f"choice_draw_{name}"
            input:
                data=f"results/anomaly/{CHOSEN}/data.safetensors",
            output:
                template=f"{OF_CHOSEN}/template.safetensors",
                sideband_template=f"{OF_CHOSEN}/sideband_template.safetensors",
                weights=f"{OF_CHOSEN}/weights.safetensors",
                history=f"{OF_CHOSEN}/history.csv",
            log:
                f"results/logs/anomaly/{CHOSEN}/{{method}}/template.log",
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
                    seed=["background.{method}.template"],
                    members=["anomaly.methods.{method}"],
                ),
            shell:
                LAUNCH

    rule:
        name:
            f"choice_{name}"
        input:
            data=f"results/anomaly/{CHOSEN}/data.safetensors",
            signal_test=f"results/anomaly/{CHOSEN}/signal_test.safetensors",
            truth=(
                [f"results/anomaly/{CHOSEN}/truth.safetensors"]
                if method.reference
                else []
            ),
            template=([f"{OF_CHOSEN}/template.safetensors"] if method.template else []),
            background_test=[],
        output:
            scores=f"{OF_CHOSEN}/scores.safetensors",
            signal_scores=f"{OF_CHOSEN}/signal_scores.safetensors",
            background_scores=[],
            extras=[],
        log:
            f"results/logs/anomaly/{CHOSEN}/{{method}}/search.log",
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


rule compare_chosen_searches:
    input:
        data="results/anomaly/data.safetensors",
        truth="results/anomaly/truth.safetensors",
        signal_test="results/anomaly/signal_test.safetensors",
        scores=expand(
            "results/anomaly/{method}/scores.safetensors", method=CHOSEN_SEARCHES
        ),
        signal_scores=expand(
            "results/anomaly/{method}/signal_scores.safetensors",
            method=CHOSEN_SEARCHES,
        ),
        other_data=f"results/anomaly/{CHOSEN}/data.safetensors",
        other_truth=f"results/anomaly/{CHOSEN}/truth.safetensors",
        other_signal_test=f"results/anomaly/{CHOSEN}/signal_test.safetensors",
        other_scores=expand(
            f"{OF_CHOSEN}/scores.safetensors",
            method=CHOSEN_SEARCHES,
            allow_missing=True,
        ),
        other_signal_scores=expand(
            f"{OF_CHOSEN}/signal_scores.safetensors",
            method=CHOSEN_SEARCHES,
            allow_missing=True,
        ),
    output:
        result=f"results/anomaly/{CHOSEN}/compared.json",
    log:
        f"results/logs/anomaly/{CHOSEN}/compare.log",
    params:
        **job(
            "anomaly.choice.compare",
            settings={
                "signal_region": "anomaly.signal_region",
                "evaluation": "anomaly.evaluation",
            },
            seed=["anomaly.choice"],
        ),
    shell:
        LAUNCH
