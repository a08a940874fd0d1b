# A trigger without labels: an autoencoder of the search's jets in firmware, its anomaly score against
# classifiers and cuts. Conversion and simulations are those of every design (firmware.smk), scores
# those of every trigger (trigger.smk). Of `firmware_autoencoder`, not of `all`.

AUTOENCODER = CONFIG.firmware.autoencoder
COMPARED_TRIGGERS = [AUTOENCODER.design, *TRIGGER.designs]


# The events of the search in their files: without their truth.
rule split_for_trigger:
    input:
        jets=shards(
            f"results/jets/{CONFIG.jets.algorithm}/{{sample}}/{{shard}}.root", SEARCHED
        ),
        pool_data="results/anomaly/data.safetensors",
    output:
        events="results/anomaly/trigger/events.safetensors",
    log:
        "results/logs/anomaly/trigger/split.log",
    params:
        **job(
            "anomaly.trigger_rates.split",
            settings={
                "features": "anomaly.features",
                "validation_fraction": "firmware.autoencoder.validation_fraction",
                "test_fraction": "firmware.autoencoder.test_fraction",
            },
        ),
    shell:
        LAUNCH


rule prepare_autoencoder:
    input:
        graphs=shards(
            "results/firmware/trigger/graphs/{sample}/{shard}.safetensors", SEARCHED
        ),
        events="results/anomaly/trigger/events.safetensors",
    output:
        dataset="results/firmware/{design}/dataset.safetensors",
    log:
        "results/logs/firmware/{design}/prepare.log",
    wildcard_constraints:
        design=one_of(AUTOENCODERS),
    params:
        **job("firmware.autoencoder.prepare", settings="firmware.dataset"),
    shell:
        LAUNCH


rule train_autoencoder:
    input:
        dataset="results/firmware/{design}/dataset.safetensors",
    output:
        weights="results/firmware/{design}/quantised/weights.safetensors",
        history="results/firmware/{design}/quantised/history.csv",
        scores="results/firmware/{design}/quantised/scores.safetensors",
    log:
        "results/logs/firmware/{design}/train_quantised.log",
    wildcard_constraints:
        design=one_of(AUTOENCODERS),
    params:
        **job(
            "firmware.autoencoder.train",
            settings={
                "model": "firmware.models.{design}",
                "formats": "firmware.formats",
                "training": "firmware.autoencoder.training",
                "pruning": "firmware.autoencoder.pruning",
                "kl_weight": "firmware.autoencoder.kl_weight",
            },
            seed=job_of_design("firmware.train"),
            members=["firmware.designs.{design}"],
        ),
    shell:
        LAUNCH


rule compare_triggers:
    input:
        jets=shards(
            f"results/jets/{CONFIG.jets.algorithm}/{{sample}}/{{shard}}.root", SEARCHED
        ),
        scores=[
            path
            for design in COMPARED_TRIGGERS
            for path in shards(
                f"results/firmware/trigger/{design}/{{sample}}/{{shard}}.safetensors",
                SEARCHED,
            )
        ],
        events="results/anomaly/trigger/events.safetensors",
        pool_data="results/anomaly/data.safetensors",
        pool_truth="results/anomaly/truth.safetensors",
        pool_signal="results/anomaly/signal_test.safetensors",
    output:
        rates="results/anomaly/trigger/trigger_rates.json",
    log:
        "results/logs/anomaly/trigger/compare.log",
    params:
        **job(
            "anomaly.trigger_rates.compare",
            names=labels("firmware.designs", COMPARED_TRIGGERS),
            settings={
                "features": "anomaly.features",
                "rates": "firmware.autoencoder.rates",
            },
        ),
    shell:
        LAUNCH
