# Figures of the firmware room.


FIGURES |= {
    "firmware/firmware_summary": Figure(
        "reporting.firmware.summary",
        "Firmware",
        {"figure": "Accuracy and latency"},
        inputs=dict(
            latency="results/firmware/latency.json",
            scan="results/firmware/pipelines.csv",
        ),
    ),
    "firmware/firmware_weights": Figure(
        "reporting.firmware.weights",
        "Firmware",
        {"figure": "Weights and pruning"},
        inputs=dict(
            bits="results/firmware/weight_bits.csv",
            history="results/firmware/quantised/history.csv",
        ),
    ),
    "firmware/firmware_roc": Figure(
        "reporting.firmware.roc",
        "Firmware",
        {"figure": "ROC curves, float and quantised"},
        inputs=dict(
            floating="results/firmware/float/roc.csv",
            quantised="results/firmware/quantised/roc.csv",
            latency="results/firmware/latency.json",
        ),
    ),
}
