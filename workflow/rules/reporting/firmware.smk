# Figures of the firmware room.


rule figure_firmware_summary:
    input:
        latency="results/firmware/latency.json",
        scan="results/firmware/pipelines.csv",
    output:
        pdf="results/reporting/firmware/summary.pdf",
        png=report(
            "results/reporting/firmware/summary.png",
            caption="../../report/firmware_summary.rst",
            category="Firmware",
            labels={"figure": "Accuracy and latency"},
        ),
    log:
        "results/logs/reporting/firmware/summary.log",
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
        pdf="results/reporting/firmware/weights.pdf",
        png=report(
            "results/reporting/firmware/weights.png",
            caption="../../report/firmware_weights.rst",
            category="Firmware",
            labels={"figure": "Weights and pruning"},
        ),
    log:
        "results/logs/reporting/firmware/weights.log",
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
        pdf="results/reporting/firmware/roc.pdf",
        png=report(
            "results/reporting/firmware/roc.png",
            caption="../../report/firmware_roc.rst",
            category="Firmware",
            labels={"figure": "ROC curves, float and quantised"},
        ),
    log:
        "results/logs/reporting/firmware/roc.log",
    threads: 1
    params:
        code=code_digest("reporting.firmware.roc"),
    shell:
        launch("reporting.firmware.roc")


TARGETS["reporting"] += [
    "results/reporting/firmware/summary.png",
    "results/reporting/firmware/weights.png",
    "results/reporting/firmware/roc.png",
]
