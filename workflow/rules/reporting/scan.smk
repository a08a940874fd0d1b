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
        )
        | replicas,
        params=dict(labels=labels_of_scan),
        over={"scan": CONFIG.anomaly.scanned},
    )
    for kind, title, replicas in (
        (
            Figure,
            "Scan of the search",
            dict(points="results/anomaly/scan/{scan}/points.csv"),
        ),
        (Table, "Scan, table", {}),
    )
]
FIGURES += SCAN_FIGURES
