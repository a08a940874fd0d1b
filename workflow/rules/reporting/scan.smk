# Figures of the scans.


SCAN_FIGURES = [
    kind(
        "anomaly/scan_{scan}",
        f"reporting.scan.{kind.kind}",
        "Anomaly",
        {"figure": title, "scan": "{scan}"},
        inputs=dict(
            summary="results/anomaly/scan/{scan}/summary.json",
            checks="results/inference/checks.json",
        ),
        params=dict(labels=labels_of_scan),
        over={"scan": CONFIG.anomaly.scanned},
    )
    for kind, title in ((Figure, "Scan of the search"), (Table, "Scan, table"))
]
FIGURES += SCAN_FIGURES
