# Figures of the jets room.


FIGURES |= {
    "jets/jet_mass": Figure(
        "reporting.jets.mass",
        "Jets",
        {"figure": "Jet mass"},
        inputs=dict(
            histograms=f"results/jets/{CONFIG.jets.algorithm}/histograms.json",
            summary=f"results/jets/{CONFIG.jets.algorithm}/summary.json",
        ),
    ),
    "jets/jet_substructure": Figure(
        "reporting.jets.substructure",
        "Jets",
        {"figure": "N-subjettiness"},
        inputs=dict(histograms=f"results/jets/{CONFIG.jets.algorithm}/histograms.json"),
    ),
    "jets/jet_comparison": Figure(
        "reporting.jets.comparison",
        "Jets",
        {"figure": "Truth and reconstructed mass"},
        inputs=dict(histograms=f"results/jets/{CONFIG.jets.algorithm}/histograms.json"),
    ),
    "jets/jet_response": Figure(
        "reporting.jets.response",
        "Jets",
        {"figure": "Jet response"},
        inputs=dict(summary=f"results/jets/{CONFIG.jets.algorithm}/summary.json"),
    ),
}
