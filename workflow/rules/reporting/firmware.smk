# Figures of the firmware room.


FIRMWARE_REPORTS = expand(
    "results/firmware/{design}/latency.json", design=CONFIG.firmware.designs
)

FIRMWARE_COMPARED = dict(
    published=resource_name("published/firmware.json"),
    times=resource_name("measured/firmware_times.json"),
    names=labels("firmware.designs", CONFIG.firmware.designs),
)
FIGURES += [
    Figure(
        "firmware/firmware_summary",
        "reporting.firmware.summary",
        "Firmware",
        {"figure": "Accuracy and latency"},
        inputs=dict(
            latency=FIRMWARE_REPORTS,
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
    Figure(
        "firmware/firmware_pareto",
        "reporting.firmware_compared.pareto",
        "Firmware",
        {"figure": "Accuracy against LUTs"},
        inputs=dict(latency=FIRMWARE_REPORTS),
        params=dict(
            published=resource_name("published/firmware.json"),
            names=labels("firmware.designs", CONFIG.firmware.designs),
        ),
    ),
    Table(
        "firmware/firmware_comparison",
        "reporting.firmware_compared.comparison",
        "Firmware",
        {"figure": "Designs and published ones (table)"},
        inputs=dict(latency=FIRMWARE_REPORTS, trees=[]),
        params=FIRMWARE_COMPARED,
    ),
]

# Of `firmware_trees`, not of `all`: the same table with a row more.
FIRMWARE_TREES = Table(
    "firmware/firmware_trees",
    "reporting.firmware_compared.comparison",
    "Firmware",
    {"figure": "Designs, boosted trees and published ones (table)"},
    inputs=dict(latency=FIRMWARE_REPORTS, trees="results/firmware/trees/report.json"),
    params=FIRMWARE_COMPARED,
)

# Of `firmware_synthesis`, not of `all`.
FIRMWARE_SYNTHESIS = Table(
    "firmware/firmware_synthesis",
    "reporting.firmware_compared.synthesis",
    "Firmware",
    {"figure": "Cells of an UltraScale+ chip by Yosys (table)"},
    inputs=dict(
        cells=expand(
            "results/firmware/{design}/rtl/cells.json", design=CONFIG.firmware.designs
        ),
        latency=FIRMWARE_REPORTS,
    ),
    params=dict(names=labels("firmware.designs", CONFIG.firmware.designs)),
)

# Of `firmware_scan`, not of `all`.
SCAN_POINTS = expand(
    "results/firmware/scan/{design}/{constituents}-{point}.json",
    design=CONFIG.firmware.scan.designs,
    constituents=CONFIG.firmware.scan.constituents,
    point=[
        *(f"{part:g}" for part in CONFIG.firmware.scan.sparsities),
        *(f"beta{beta:g}" for beta in CONFIG.firmware.scan.betas),
    ],
)
SCAN_DRAWN = dict(
    published=resource_name("published/firmware.json"),
    names=labels("firmware.designs"),
)
FIRMWARE_SCAN = [
    Figure(
        "firmware/firmware_scan",
        "reporting.firmware_compared.scan",
        "Firmware",
        {"figure": "Accuracy against LUTs, by constituents and bits"},
        inputs=dict(points=SCAN_POINTS),
        params=SCAN_DRAWN,
    ),
    Table(
        "firmware/firmware_scan_points",
        "reporting.firmware_compared.scan_points",
        "Firmware",
        {"figure": "Accuracy against LUTs, by constituents and bits (table)"},
        inputs=dict(points=SCAN_POINTS),
        params=SCAN_DRAWN,
    ),
]

# Of `firmware_trigger`, not of `all`.
FIRMWARE_TRIGGER = Figure(
    "firmware/firmware_trigger",
    "reporting.firmware_trigger",
    "Firmware",
    {"figure": "From trigger to limit"},
    inputs=dict(
        points=expand(
            f"results/anomaly/{BEHIND}/point.json",
            design=TRIGGER.designs,
            rate=[f"{rate:g}" for rate in TRIGGER.rates],
        ),
        measurements=expand(
            f"results/inference/{BEHIND}/{{method}}/measurement.json",
            design=TRIGGER.designs,
            rate=[f"{rate:g}" for rate in TRIGGER.rates],
            method=[*NO_CUT, *TRIGGERED_METHODS],
        ),
        latency=expand(
            "results/firmware/{design}/latency.json", design=TRIGGER.designs
        ),
    ),
    params=dict(
        names=labels("firmware.designs", TRIGGER.designs),
        methods=json.dumps(NO_CUT | METHODS.labels(TRIGGERED_METHODS)),
    ),
)

# Of `firmware_autoencoder`, not of `all`.
TRIGGER_RATES = dict(
    rates="results/anomaly/trigger/trigger_rates.json",
    description=f"results/firmware/{AUTOENCODER.design}/rtl/design.json",
    simulation=f"results/firmware/{AUTOENCODER.design}/rtl/simulation.json",
)
FIRMWARE_AUTOENCODER = [
    Figure(
        "firmware/firmware_autoencoder",
        "reporting.firmware_autoencoder.curves",
        "Firmware",
        {"figure": "A trigger without labels"},
        inputs=TRIGGER_RATES,
        params=dict(names=labels("firmware.designs", COMPARED_TRIGGERS)),
    ),
    Table(
        "firmware/firmware_autoencoder_rates",
        "reporting.firmware_autoencoder.table",
        "Firmware",
        {"figure": "A trigger without labels (table)"},
        inputs=dict(rates=TRIGGER_RATES["rates"]),
        params=dict(names=labels("firmware.designs", COMPARED_TRIGGERS)),
    ),
]
