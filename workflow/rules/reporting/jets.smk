# Figures of the jets room.


FIGURES += [
    Figure(
        "jets/jet_mass",
        "reporting.jets.mass",
        "Jets",
        {"figure": "Jet mass"},
        inputs=dict(
            histograms=f"results/jets/{CONFIG.jets.algorithm}/histograms.json",
            summary=f"results/jets/{CONFIG.jets.algorithm}/summary.json",
        ),
    ),
    Figure(
        "jets/jet_substructure",
        "reporting.jets.substructure",
        "Jets",
        {"figure": "N-subjettiness"},
        inputs=dict(histograms=f"results/jets/{CONFIG.jets.algorithm}/histograms.json"),
    ),
    Figure(
        "jets/jet_comparison",
        "reporting.jets.comparison",
        "Jets",
        {"figure": "Truth and reconstructed mass"},
        inputs=dict(histograms=f"results/jets/{CONFIG.jets.algorithm}/histograms.json"),
    ),
    Figure(
        "jets/jet_response",
        "reporting.jets.response",
        "Jets",
        {"figure": "Jet response"},
        inputs=dict(summary=f"results/jets/{CONFIG.jets.algorithm}/summary.json"),
    ),
    Figure(
        "jets/jet_sampling",
        "reporting.sampling.pthat",
        "Jets",
        {"figure": "Jet pT and pTHat"},
        inputs=dict(
            histograms=f"results/jets/{CONFIG.jets.algorithm}/sampling_histograms.json",
            summary=f"results/jets/{CONFIG.jets.algorithm}/sampling.json",
        ),
    ),
]

if any(
    sample.generation and sample.generation.variations != "none"
    for name, sample in CONFIG.generate.samples.items()
    if name in CONFIG.jets.summary.samples
):
    FIGURES += [
        Figure(
            "jets/jet_variations",
            "reporting.sampling.variations",
            "Jets",
            {"figure": "Varied showers"},
            inputs=dict(
                histograms=f"results/jets/{CONFIG.jets.algorithm}/sampling_histograms.json"
            ),
        ),
    ]

if CONFIG.jets.calibration.enabled:
    FIGURES += [
        Figure(
            "jets/jet_closure_{collection}",
            "reporting.jet_calibration.closure",
            "Jets",
            {"figure": "Jet calibration", "jets": "{collection}"},
            inputs=dict(closure=f"results/jets/{CONFIG.jets.algorithm}/closure.json"),
            over={
                "collection": list(map(jet_collection, JETS_READ.radii[CALIBRATION]))
            },
        ),
        Table(
            "jets/jet_closure_table",
            "reporting.jet_calibration.closure_table",
            "Jets",
            {"figure": "Jet calibration, table"},
            inputs=dict(closure=f"results/jets/{CONFIG.jets.algorithm}/closure.json"),
        ),
        Table(
            "jets/jet_uncertainties",
            "reporting.jet_calibration.uncertainties",
            "Jets",
            {"figure": "Jet scale and resolution uncertainties"},
            inputs=dict(closure=f"results/jets/{CONFIG.jets.algorithm}/closure.json"),
        ),
    ]
