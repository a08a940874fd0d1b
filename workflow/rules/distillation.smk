# Distillation: a firmware design taught by a trained tagger, beside the same without a teacher.
# Of `firmware_distillation`, not of `all`.

DISTILLATION = CONFIG.firmware.distillation
TAUGHT = "results/firmware/distilled/{design}"
PAIR = f"{TAUGHT}/seed{{replica}}"
FIRST_TAUGHT = f"{TAUGHT}/seed0/distilled"


rule teach_firmware:
    input:
        jets=shards(
            f"results/graphs/jets/{CONFIG.jets.algorithm}/{{sample}}/{{shard}}.safetensors",
            CONFIG.firmware.dataset.samples,
        ),
        scores=shards(
            f"results/tagging/{DISTILLATION.teacher}/scores/{{sample}}/{{shard}}.safetensors",
            CONFIG.firmware.dataset.samples,
        ),
        tested=f"results/tagging/{DISTILLATION.teacher}/scores.safetensors",
        dataset="results/firmware/dataset.safetensors",
    output:
        teacher="results/firmware/distilled/teacher.safetensors",
    log:
        "results/logs/firmware/distilled/teach.log",
    params:
        **job(
            "firmware.distil.teach",
            settings={"classes": "firmware.dataset.classes"},
        ),
    shell:
        LAUNCH


TRAINED = {
    "model": "firmware.models.{design}",
    "formats": "firmware.formats",
    "training": "firmware.training",
    "pruning": "firmware.pruning",
    "classes": "firmware.dataset.classes",
}


rule train_firmware_plain:
    input:
        dataset="results/firmware/dataset.safetensors",
        start="results/firmware/{design}/float/weights.safetensors",
    output:
        weights=f"{PAIR}/plain/weights.safetensors",
        history=f"{PAIR}/plain/history.csv",
        scores=f"{PAIR}/plain/scores.safetensors",
    log:
        "results/logs/firmware/distilled/{design}/plain{replica}.log",
    params:
        **job(
            "firmware.train.quantised",
            settings=TRAINED,
            seed=["firmware.distil", "{design}", "{replica}"],
            members=["firmware.designs.{design}"],
            file=file_of_design,
        ),
    shell:
        LAUNCH


rule distil_firmware:
    input:
        dataset="results/firmware/dataset.safetensors",
        teacher="results/firmware/distilled/teacher.safetensors",
        start="results/firmware/{design}/float/weights.safetensors",
    output:
        weights=f"{PAIR}/distilled/weights.safetensors",
        history=f"{PAIR}/distilled/history.csv",
        scores=f"{PAIR}/distilled/scores.safetensors",
    log:
        "results/logs/firmware/distilled/{design}/distilled{replica}.log",
    params:
        **job(
            "firmware.distil.train",
            settings=TRAINED
            | {
                "temperature": "firmware.distillation.temperature",
                "share": "firmware.distillation.share",
            },
            seed=["firmware.distil", "{design}", "{replica}"],
            members=["firmware.designs.{design}"],
            file=file_of_design,
        ),
    shell:
        LAUNCH


# The first of the distilled designs goes the way of the others, to the simulated Verilog.
use rule synthesise_firmware as synthesise_distilled with:
    input:
        weights=f"{FIRST_TAUGHT}/weights.safetensors",
    output:
        verilog=f"{FIRST_TAUGHT}/verilog.tar.gz",
        description=f"{FIRST_TAUGHT}/design.json",
    log:
        "results/logs/firmware/distilled/{design}/synthesise.log",


use rule simulate_firmware_rtl as simulate_distilled with:
    input:
        verilog=f"{FIRST_TAUGHT}/verilog.tar.gz",
        description=f"{FIRST_TAUGHT}/design.json",
        weights=f"{FIRST_TAUGHT}/weights.safetensors",
        dataset="results/firmware/dataset.safetensors",
        scores=f"{FIRST_TAUGHT}/scores.safetensors",
    output:
        outputs=f"{FIRST_TAUGHT}/outputs.safetensors",
        result=f"{FIRST_TAUGHT}/simulation.json",
    log:
        "results/logs/firmware/distilled/{design}/simulate.log",


rule compare_distilled:
    input:
        plain=expand(
            f"{PAIR}/plain/scores.safetensors",
            replica=range(DISTILLATION.repetitions),
            allow_missing=True,
        ),
        distilled=expand(
            f"{PAIR}/distilled/scores.safetensors",
            replica=range(DISTILLATION.repetitions),
            allow_missing=True,
        ),
        verilog=f"{FIRST_TAUGHT}/outputs.safetensors",
        simulation=f"{FIRST_TAUGHT}/simulation.json",
        description=f"{FIRST_TAUGHT}/design.json",
        dataset="results/firmware/dataset.safetensors",
        teacher="results/firmware/distilled/teacher.safetensors",
    output:
        result=f"{TAUGHT}/distillation.json",
    log:
        "results/logs/firmware/distilled/{design}/compare.log",
    params:
        **job(
            "firmware.distil.compare",
            published=resource_name("published/firmware.json"),
            settings="firmware.evaluation",
            seed=["firmware.distil.compare", "{design}"],
            name=DISTILLATION.teacher,
        ),
    shell:
        LAUNCH


FIRMWARE_DISTILLED = f"{TAUGHT}/distillation.json".format(design=DISTILLATION.design)
