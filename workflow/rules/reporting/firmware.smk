# Figures of the firmware room.


rule figure_firmware_summary:
    input:
        latency="results/firmware/latency.json",
        scan="results/firmware/pipelines.csv",
    output:
        **figure(
            "firmware/firmware_summary", "Firmware", {"figure": "Accuracy and latency"}
        ),
    log:
        "results/logs/reporting/firmware/firmware_summary.log",
    threads: 1
    params:
        code=code_digest("reporting.firmware.summary"),
    shell:
        launch("reporting.firmware.summary")


rule figure_firmware_weights:
    input:
        bits="results/firmware/weight_bits.csv",
        history="results/firmware/quantised/history.csv",
    output:
        **figure(
            "firmware/firmware_weights", "Firmware", {"figure": "Weights and pruning"}
        ),
    log:
        "results/logs/reporting/firmware/firmware_weights.log",
    threads: 1
    params:
        code=code_digest("reporting.firmware.weights"),
    shell:
        launch("reporting.firmware.weights")


rule figure_firmware_roc:
    input:
        floating="results/firmware/float/roc.csv",
        quantised="results/firmware/quantised/roc.csv",
        latency="results/firmware/latency.json",
    output:
        **figure(
            "firmware/firmware_roc",
            "Firmware",
            {"figure": "ROC curves, float and quantised"},
        ),
    log:
        "results/logs/reporting/firmware/firmware_roc.log",
    threads: 1
    params:
        code=code_digest("reporting.firmware.roc"),
    shell:
        launch("reporting.firmware.roc")


TARGETS["reporting"] += [
    "results/reporting/firmware/firmware_summary.png",
    "results/reporting/firmware/firmware_weights.png",
    "results/reporting/firmware/firmware_roc.png",
]
