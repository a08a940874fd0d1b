# Boosted trees as VHDL by conifer, which the lock does not have. Of `firmware_trees`, not of `all`.


rule train_firmware_trees:
    input:
        dataset="results/firmware/dataset.safetensors",
    output:
        trees="results/firmware/trees/trees.safetensors",
        history="results/firmware/trees/history.csv",
        scores="results/firmware/trees/scores.safetensors",
    log:
        "results/logs/firmware/trees/train.log",
    params:
        **job(
            "firmware.trees.train",
            settings={
                "trees": "firmware.trees",
                "classes": "firmware.dataset.classes",
            },
            seed=["firmware.trees"],
        ),
    shell:
        LAUNCH


TREES_SETTINGS = {
    "trees": "firmware.trees",
    "device": "firmware.device",
    "simulation": "firmware.simulation",
}


rule convert_firmware_trees:
    input:
        trees="results/firmware/trees/trees.safetensors",
    output:
        vhdl="results/firmware/trees/vhdl.tar.gz",
        description="results/firmware/trees/design.json",
    log:
        "results/logs/firmware/trees/convert.log",
    params:
        **job("firmware.vhdl.convert", settings=TREES_SETTINGS),
    shell:
        LAUNCH


rule simulate_firmware_trees:
    input:
        trees="results/firmware/trees/trees.safetensors",
        vhdl="results/firmware/trees/vhdl.tar.gz",
        dataset="results/firmware/dataset.safetensors",
    output:
        outputs="results/firmware/trees/outputs.safetensors",
        result="results/firmware/trees/simulation.json",
    log:
        "results/logs/firmware/trees/simulate.log",
    params:
        **job(
            "firmware.vhdl.simulate",
            settings=TREES_SETTINGS,
            seed=["firmware.trees.simulate"],
        ),
    shell:
        LAUNCH


rule report_firmware_trees:
    input:
        float_scores="results/firmware/trees/scores.safetensors",
        fixed_scores="results/firmware/trees/outputs.safetensors",
        description="results/firmware/trees/design.json",
        simulation="results/firmware/trees/simulation.json",
    output:
        report="results/firmware/trees/report.json",
    log:
        "results/logs/firmware/trees/report.log",
    params:
        **job(
            "firmware.report_trees",
            settings={
                "trees": "firmware.trees",
                "evaluation": "firmware.evaluation",
                "device": "firmware.device",
                "classes": "firmware.dataset.classes",
            },
            seed=["firmware.trees.report"],
        ),
    shell:
        LAUNCH
