# Firmware: a quantised tagger as an HLS project and as Verilog, both simulated bit for bit.


rule prepare_firmware:
    input:
        jets=shards(
            f"results/graphs/jets/{CONFIG.jets.algorithm}/{{sample}}/{{shard}}.safetensors",
            CONFIG.firmware.dataset.samples,
        ),
    output:
        dataset="results/firmware/dataset.safetensors",
        cutflow="results/firmware/cutflow.json",
    log:
        "results/logs/firmware/prepare.log",
    params:
        **job("firmware.dataset.prepare", settings="firmware.dataset"),
    shell:
        launch()


rule train_firmware_float:
    input:
        dataset="results/firmware/dataset.safetensors",
    output:
        weights="results/firmware/float/weights.safetensors",
        history="results/firmware/float/history.csv",
        scores="results/firmware/float/scores.safetensors",
    log:
        "results/logs/firmware/train_float.log",
    params:
        **job(
            "firmware.train.floating",
            settings={
                "hidden": "firmware.network.hidden",
                "training": "firmware.training",
                "classes": "firmware.dataset.classes",
            },
            seed=["firmware.train"],
        ),
    shell:
        launch()


rule train_firmware_quantised:
    input:
        dataset="results/firmware/dataset.safetensors",
    output:
        weights="results/firmware/quantised/weights.safetensors",
        history="results/firmware/quantised/history.csv",
        scores="results/firmware/quantised/scores.safetensors",
    log:
        "results/logs/firmware/train_quantised.log",
    params:
        **job(
            "firmware.train.quantised",
            settings={
                "network": "firmware.network",
                "training": "firmware.training",
                "pruning": "firmware.pruning",
                "classes": "firmware.dataset.classes",
            },
            seed=["firmware.train"],
        ),
    shell:
        launch()


rule evaluate_firmware:
    input:
        weights="results/firmware/{model}/weights.safetensors",
        scores="results/firmware/{model}/scores.safetensors",
    output:
        performance="results/firmware/{model}/performance.json",
        roc="results/firmware/{model}/roc.csv",
    log:
        "results/logs/firmware/evaluate/{model}.log",
    wildcard_constraints:
        model="float|quantised",
    params:
        **job(
            "firmware.evaluate",
            settings={
                "evaluation": "firmware.evaluation",
                "classes": "firmware.dataset.classes",
            },
            seed=["firmware.evaluate", "{model}"],
        ),
    shell:
        launch()


rule convert_firmware:
    input:
        weights="results/firmware/quantised/weights.safetensors",
    output:
        project="results/firmware/hls4ml/project.tar.gz",
    log:
        "results/logs/firmware/convert.log",
    params:
        **job(
            "firmware.convert",
            settings={"network": "firmware.network", "device": "firmware.device"},
        ),
    shell:
        launch()


rule simulate_firmware_hls:
    input:
        project="results/firmware/hls4ml/project.tar.gz",
        weights="results/firmware/quantised/weights.safetensors",
        dataset="results/firmware/dataset.safetensors",
        scores="results/firmware/quantised/scores.safetensors",
    output:
        outputs="results/firmware/hls4ml/outputs.safetensors",
        result="results/firmware/hls4ml/simulation.json",
    log:
        "results/logs/firmware/simulate_hls.log",
    params:
        **job(
            "firmware.simulate.hls",
            settings={
                "network": "firmware.network",
                "simulation": "firmware.simulation",
            },
            seed=["firmware.simulate"],
        ),
    shell:
        launch()


rule synthesise_firmware:
    input:
        weights="results/firmware/quantised/weights.safetensors",
    output:
        verilog="results/firmware/rtl/verilog.tar.gz",
        design="results/firmware/rtl/design.json",
    log:
        "results/logs/firmware/synthesise.log",
    params:
        **job(
            "firmware.synthesise",
            settings={
                "network": "firmware.network",
                "device": "firmware.device",
                "synthesis": "firmware.synthesis",
            },
        ),
    shell:
        launch()


rule simulate_firmware_rtl:
    input:
        verilog="results/firmware/rtl/verilog.tar.gz",
        design="results/firmware/rtl/design.json",
        weights="results/firmware/quantised/weights.safetensors",
        dataset="results/firmware/dataset.safetensors",
        scores="results/firmware/quantised/scores.safetensors",
    output:
        outputs="results/firmware/rtl/outputs.safetensors",
        result="results/firmware/rtl/simulation.json",
    log:
        "results/logs/firmware/simulate_rtl.log",
    params:
        **job(
            "firmware.simulate.rtl",
            settings={
                "network": "firmware.network",
                "simulation": "firmware.simulation",
            },
            seed=["firmware.simulate"],
        ),
    shell:
        launch()


rule report_firmware:
    input:
        float_performance="results/firmware/float/performance.json",
        quantised_performance="results/firmware/quantised/performance.json",
        float_scores="results/firmware/float/scores.safetensors",
        quantised_scores="results/firmware/quantised/scores.safetensors",
        hls_scores="results/firmware/hls4ml/outputs.safetensors",
        rtl_scores="results/firmware/rtl/outputs.safetensors",
        weights="results/firmware/quantised/weights.safetensors",
        design="results/firmware/rtl/design.json",
        hls="results/firmware/hls4ml/simulation.json",
        rtl="results/firmware/rtl/simulation.json",
    output:
        summary="results/firmware/latency.json",
        scan="results/firmware/pipelines.csv",
        bits="results/firmware/weight_bits.csv",
        text="results/firmware/latency.md",
    log:
        "results/logs/firmware/report.log",
    params:
        **job(
            "firmware.report",
            settings={
                "network": "firmware.network",
                "evaluation": "firmware.evaluation",
                "device": "firmware.device",
                "budget": "firmware.budget",
            },
            seed=["firmware.report"],
        ),
    shell:
        launch()


TARGETS["firmware"] = [
    "results/firmware/latency.json",
    "results/firmware/latency.md",
    "results/firmware/hls4ml/project.tar.gz",
    "results/firmware/rtl/verilog.tar.gz",
]
