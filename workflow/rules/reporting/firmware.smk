# Figures of the firmware room.


FIGURES += [
    Figure(
        "firmware/firmware_summary",
        "reporting.firmware.summary",
        "Firmware",
        {"figure": "Accuracy and latency"},
        inputs=dict(
            latency=expand(
                "results/firmware/{design}/latency.json", design=CONFIG.firmware.designs
            ),
            scan=expand(
                "results/firmware/{design}/pipelines.csv",
                design=CONFIG.firmware.designs,
            ),
        ),
        params=dict(names=labels("firmware.designs", CONFIG.firmware.designs)),
    ),
    Figure(
        "firmware/firmware_weights_{design}",
        "reporting.firmware.weights",
        "Firmware",
        {"figure": "Weights and pruning", "design": "{design}"},
        inputs=dict(
            bits="results/firmware/{design}/weight_bits.csv",
            history="results/firmware/{design}/quantised/history.csv",
        ),
        over={"design": CONFIG.firmware.designs},
    ),
    Figure(
        "firmware/firmware_roc_{design}",
        "reporting.firmware.roc",
        "Firmware",
        {"figure": "ROC curves, float and quantised", "design": "{design}"},
        inputs=dict(
            floating="results/firmware/{design}/float/roc.csv",
            quantised="results/firmware/{design}/quantised/roc.csv",
            latency="results/firmware/{design}/latency.json",
        ),
        over={"design": CONFIG.firmware.designs},
    ),
]
