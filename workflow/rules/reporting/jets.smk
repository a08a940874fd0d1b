# Figures of the jets room.


rule figure_jet_mass:
    input:
        histograms=f"results/jets/{CONFIG.jets.algorithm}/histograms.json",
        summary=f"results/jets/{CONFIG.jets.algorithm}/summary.json",
    output:
        png=report(
            "results/reporting/jets/jet_mass.png",
            caption="../../report/jet_mass.rst",
            category="Jets",
            labels={"figure": "Jet mass"},
        ),
        pdf="results/reporting/jets/jet_mass.pdf",
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
        png=report(
            "results/reporting/jets/jet_substructure.png",
            caption="../../report/jet_substructure.rst",
            category="Jets",
            labels={"figure": "N-subjettiness"},
        ),
        pdf="results/reporting/jets/jet_substructure.pdf",
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
        png=report(
            "results/reporting/jets/jet_comparison.png",
            caption="../../report/jet_comparison.rst",
            category="Jets",
            labels={"figure": "Truth and reconstructed mass"},
        ),
        pdf="results/reporting/jets/jet_comparison.pdf",
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
        png=report(
            "results/reporting/jets/jet_response.png",
            caption="../../report/jet_response.rst",
            category="Jets",
            labels={"figure": "Jet response"},
        ),
        pdf="results/reporting/jets/jet_response.pdf",
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
