# Figures of the jets room.


rule figure_jet_mass:
    input:
        histograms=f"results/jets/{CONFIG.jets.algorithm}/histograms.json",
        summary=f"results/jets/{CONFIG.jets.algorithm}/summary.json",
    output:
        **figure("jets/jet_mass", "Jets", {"figure": "Jet mass"}),
    log:
        "results/logs/reporting/jets/jet_mass.log",
    threads: 1
    params:
        code=code_digest("reporting.jets.mass"),
    shell:
        launch("reporting.jets.mass")


rule figure_jet_substructure:
    input:
        histograms=f"results/jets/{CONFIG.jets.algorithm}/histograms.json",
    output:
        **figure("jets/jet_substructure", "Jets", {"figure": "N-subjettiness"}),
    log:
        "results/logs/reporting/jets/jet_substructure.log",
    threads: 1
    params:
        code=code_digest("reporting.jets.substructure"),
    shell:
        launch("reporting.jets.substructure")


rule figure_jet_comparison:
    input:
        histograms=f"results/jets/{CONFIG.jets.algorithm}/histograms.json",
    output:
        **figure(
            "jets/jet_comparison", "Jets", {"figure": "Truth and reconstructed mass"}
        ),
    log:
        "results/logs/reporting/jets/jet_comparison.log",
    threads: 1
    params:
        code=code_digest("reporting.jets.comparison"),
    shell:
        launch("reporting.jets.comparison")


rule figure_jet_response:
    input:
        summary=f"results/jets/{CONFIG.jets.algorithm}/summary.json",
    output:
        **figure("jets/jet_response", "Jets", {"figure": "Jet response"}),
    log:
        "results/logs/reporting/jets/jet_response.log",
    threads: 1
    params:
        code=code_digest("reporting.jets.response"),
    shell:
        launch("reporting.jets.response")


TARGETS["reporting"] += [
    "results/reporting/jets/jet_mass.png",
    "results/reporting/jets/jet_substructure.png",
    "results/reporting/jets/jet_comparison.png",
    "results/reporting/jets/jet_response.png",
]
