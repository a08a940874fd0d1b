# Firmware: quantised taggers as HLS projects and as Verilog, both simulated bit for bit.


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
    priority: 2
    params:
        **job("firmware.dataset.prepare", settings="firmware.dataset"),
    shell:
        LAUNCH


rule train_firmware_float:
    input:
        dataset="results/firmware/dataset.safetensors",
    output:
        weights="results/firmware/{design}/float/weights.safetensors",
        history="results/firmware/{design}/float/history.csv",
        scores="results/firmware/{design}/float/scores.safetensors",
    log:
        "results/logs/firmware/{design}/train_float.log",
    wildcard_constraints:
        design=one_of(CLASSIFIERS),
    priority: 2
    params:
        **job(
            "firmware.train.floating",
            settings={
                "model": "firmware.models.{design}",
                "training": "firmware.training",
                "classes": "firmware.dataset.classes",
            },
            seed=job_of_design("firmware.train"),
            members=["firmware.designs.{design}"],
            file=file_of_design,
        ),
    shell:
        LAUNCH


rule train_firmware_quantised:
    input:
        dataset="results/firmware/dataset.safetensors",
        start="results/firmware/{design}/float/weights.safetensors",
    output:
        weights="results/firmware/{design}/quantised/weights.safetensors",
        history="results/firmware/{design}/quantised/history.csv",
        scores="results/firmware/{design}/quantised/scores.safetensors",
    log:
        "results/logs/firmware/{design}/train_quantised.log",
    wildcard_constraints:
        design=one_of(CLASSIFIERS),
    priority: 2
    params:
        **job(
            "firmware.train.quantised",
            settings={
                "model": "firmware.models.{design}",
                "formats": "firmware.formats",
                "training": "firmware.training",
                "pruning": "firmware.pruning",
                "classes": "firmware.dataset.classes",
            },
            seed=job_of_design("firmware.train"),
            members=["firmware.designs.{design}"],
            file=file_of_design,
        ),
    shell:
        LAUNCH


rule evaluate_firmware:
    input:
        weights="results/firmware/{design}/{model}/weights.safetensors",
        scores="results/firmware/{design}/{model}/scores.safetensors",
    output:
        performance="results/firmware/{design}/{model}/performance.json",
        roc="results/firmware/{design}/{model}/roc.csv",
    log:
        "results/logs/firmware/{design}/evaluate_{model}.log",
    wildcard_constraints:
        model="float|quantised",
    params:
        **job(
            "firmware.evaluate",
            settings={
                "evaluation": "firmware.evaluation",
                "classes": "firmware.dataset.classes",
            },
            seed=job_of_design("firmware.evaluate", "{model}"),
        ),
    shell:
        LAUNCH


rule convert_firmware:
    input:
        weights="results/firmware/{design}/quantised/weights.safetensors",
    output:
        project="results/firmware/{design}/hls4ml/project.tar.gz",
    log:
        "results/logs/firmware/{design}/convert.log",
    priority: 2
    params:
        **job(
            "firmware.convert",
            settings={
                "model": "firmware.models.{design}",
                "formats": "firmware.formats",
                "headroom": "firmware.headroom",
                "device": "firmware.device",
            },
            members=["firmware.designs.{design}"],
            file=file_of_design,
        ),
    shell:
        LAUNCH


rule simulate_firmware_hls:
    input:
        project="results/firmware/{design}/hls4ml/project.tar.gz",
        weights="results/firmware/{design}/quantised/weights.safetensors",
        dataset=dataset_of_design,
        scores="results/firmware/{design}/quantised/scores.safetensors",
    output:
        outputs="results/firmware/{design}/hls4ml/outputs.safetensors",
        result="results/firmware/{design}/hls4ml/simulation.json",
    log:
        "results/logs/firmware/{design}/simulate_hls.log",
    params:
        **job(
            "firmware.simulate.hls",
            settings={
                "model": "firmware.models.{design}",
                "formats": "firmware.formats",
                "headroom": "firmware.headroom",
                "simulation": "firmware.simulation",
            },
            seed=job_of_design("firmware.simulate"),
            members=["firmware.designs.{design}"],
            file=file_of_design,
        ),
    shell:
        LAUNCH


rule synthesise_firmware:
    input:
        weights="results/firmware/{design}/quantised/weights.safetensors",
    output:
        verilog="results/firmware/{design}/rtl/verilog.tar.gz",
        description="results/firmware/{design}/rtl/design.json",
    log:
        "results/logs/firmware/{design}/synthesise.log",
    priority: 2
    params:
        **job(
            "firmware.synthesise",
            settings={
                "model": "firmware.models.{design}",
                "formats": "firmware.formats",
                "headroom": "firmware.headroom",
                "device": "firmware.device",
                "synthesis": "firmware.synthesis",
            },
            members=["firmware.designs.{design}"],
            file=file_of_design,
        ),
    shell:
        LAUNCH


rule simulate_firmware_rtl:
    input:
        verilog="results/firmware/{design}/rtl/verilog.tar.gz",
        description="results/firmware/{design}/rtl/design.json",
        weights="results/firmware/{design}/quantised/weights.safetensors",
        dataset=dataset_of_design,
        scores="results/firmware/{design}/quantised/scores.safetensors",
    output:
        outputs="results/firmware/{design}/rtl/outputs.safetensors",
        result="results/firmware/{design}/rtl/simulation.json",
    log:
        "results/logs/firmware/{design}/simulate_rtl.log",
    priority: 2
    params:
        **job(
            "firmware.simulate.rtl",
            settings={
                "model": "firmware.models.{design}",
                "formats": "firmware.formats",
                "headroom": "firmware.headroom",
                "simulation": "firmware.simulation",
            },
            seed=job_of_design("firmware.simulate"),
            members=["firmware.designs.{design}"],
            file=file_of_design,
        ),
    shell:
        LAUNCH


# Of `firmware_synthesis`, not of `all`.
rule count_firmware_cells:
    input:
        verilog="results/firmware/{design}/rtl/verilog.tar.gz",
        description="results/firmware/{design}/rtl/design.json",
    output:
        cells="results/firmware/{design}/rtl/cells.json",
    log:
        "results/logs/firmware/{design}/count_cells.log",
    params:
        **job("firmware.yosys.count"),
    shell:
        LAUNCH


rule report_firmware:
    input:
        float_performance="results/firmware/{design}/float/performance.json",
        quantised_performance="results/firmware/{design}/quantised/performance.json",
        float_scores="results/firmware/{design}/float/scores.safetensors",
        quantised_scores="results/firmware/{design}/quantised/scores.safetensors",
        hls_scores="results/firmware/{design}/hls4ml/outputs.safetensors",
        rtl_scores="results/firmware/{design}/rtl/outputs.safetensors",
        weights="results/firmware/{design}/quantised/weights.safetensors",
        description="results/firmware/{design}/rtl/design.json",
        hls="results/firmware/{design}/hls4ml/simulation.json",
        rtl="results/firmware/{design}/rtl/simulation.json",
    output:
        summary="results/firmware/{design}/latency.json",
        scan="results/firmware/{design}/pipelines.csv",
        bits="results/firmware/{design}/weight_bits.csv",
        text="results/firmware/{design}/latency.md",
    log:
        "results/logs/firmware/{design}/report.log",
    params:
        **job(
            "firmware.report",
            published=resource_name("published/firmware.json"),
            settings={
                "model": "firmware.models.{design}",
                "formats": "firmware.formats",
                "evaluation": "firmware.evaluation",
                "device": "firmware.device",
                "budget": "firmware.budget",
            },
            seed=job_of_design("firmware.report"),
            members=["firmware.designs.{design}"],
            file=file_of_design,
        ),
    shell:
        LAUNCH


# Points of `firmware_scan`, not of `all`.
rule prepare_firmware_scan:
    input:
        jets=shards(
            f"results/graphs/jets/{CONFIG.jets.algorithm}/{{sample}}/{{shard}}.safetensors",
            CONFIG.firmware.dataset.samples,
        ),
    output:
        dataset="results/firmware/scan/dataset.safetensors",
        cutflow="results/firmware/scan/cutflow.json",
    log:
        "results/logs/firmware/scan/prepare.log",
    params:
        **job(
            "firmware.scan.prepare",
            settings={
                "dataset": "firmware.dataset",
                "constituents": "firmware.scan.constituents",
            },
        ),
    shell:
        LAUNCH


MEASURED = {
    "model": "firmware.models.{design}",
    "formats": "firmware.formats",
    "headroom": "firmware.headroom",
    "training": "firmware.training",
    "pruning": "firmware.pruning",
    "classes": "firmware.dataset.classes",
    "evaluation": "firmware.evaluation",
}


rule measure_firmware_scan:
    input:
        dataset="results/firmware/scan/dataset.safetensors",
    output:
        result="results/firmware/scan/{design}/{constituents}-{sparsity}.json",
    log:
        "results/logs/firmware/scan/{design}/{constituents}-{sparsity}.log",
    wildcard_constraints:
        constituents="[0-9]+",
        sparsity="[0-9.e-]+",
    params:
        **job(
            "firmware.scan.measure",
            settings=MEASURED,
            seed=["firmware.scan", "{design}", "{constituents}", "{sparsity}"],
            members=["firmware.designs.{design}"],
            file=file_of_design,
            beta="0",
        ),
    shell:
        LAUNCH


rule measure_firmware_widths:
    input:
        dataset="results/firmware/scan/dataset.safetensors",
    output:
        result="results/firmware/scan/{design}/{constituents}-beta{beta}.json",
    log:
        "results/logs/firmware/scan/{design}/{constituents}-beta{beta}.log",
    wildcard_constraints:
        constituents="[0-9]+",
        beta="[0-9.e-]+",
    params:
        **job(
            "firmware.scan.measure",
            settings=MEASURED,
            seed=["firmware.scan", "{design}", "{constituents}", "beta{beta}"],
            members=["firmware.designs.{design}"],
            file=file_of_design,
            sparsity="0",
        ),
    shell:
        LAUNCH


rule bench_firmware:
    output:
        report="results/bench/firmware.json",
    log:
        "results/logs/firmware/times.log",
    params:
        **job(
            "firmware.times",
            settings={
                "models": "firmware.models",
                "constituents": "firmware.dataset.constituents",
                "classes": "firmware.dataset.classes",
            },
            seed=["firmware.times"],
            members=[f"firmware.designs.{design}" for design in CLASSIFIERS],
        ),
    shell:
        LAUNCH


BENCHES.append("results/bench/firmware.json")
TARGETS["firmware"] = expand(
    "results/firmware/{design}/{product}",
    design=CONFIG.firmware.designs,
    product=[
        "latency.json",
        "latency.md",
        "hls4ml/project.tar.gz",
        "rtl/verilog.tar.gz",
    ],
)
