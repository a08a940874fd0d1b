# Figures of the background room.


rule figure_dijet_spectrum:
    input:
        spectra="results/background/{method}/spectra.csv",
        fits="results/background/{method}/fits.json",
    output:
        png=report(
            "results/reporting/background/spectrum_{method}.png",
            caption="../../report/dijet_spectrum.rst",
            category="Background",
            labels={"figure": "Dijet mass, {method}"},
        ),
        pdf="results/reporting/background/spectrum_{method}.pdf",
    log:
        "results/logs/reporting/background/spectrum_{method}.log",
    threads: 1
    params:
        code=code_digest("reporting.background.spectrum"),
    shell:
        launch("reporting.background.spectrum")


rule figure_abcd:
    input:
        plane="results/background/disco/plane.csv",
        scan="results/background/disco/scan.csv",
        closure="results/background/disco/closure.json",
    output:
        png=report(
            "results/reporting/background/abcd.png",
            caption="../../report/abcd.rst",
            category="Background",
            labels={"figure": "ABCD plane and closure"},
        ),
        pdf="results/reporting/background/abcd.pdf",
    log:
        "results/logs/reporting/background/abcd.log",
    threads: 1
    params:
        code=code_digest("reporting.background.abcd"),
    shell:
        launch("reporting.background.abcd")


rule figure_cathode_template:
    input:
        distributions="results/background/cathode/distributions.csv",
        quality="results/background/cathode/quality.json",
    output:
        png=report(
            "results/reporting/background/cathode_template.png",
            caption="../../report/cathode_template.rst",
            category="Background",
            labels={"figure": "CATHODE template"},
        ),
        pdf="results/reporting/background/cathode_template.pdf",
    log:
        "results/logs/reporting/background/cathode_template.log",
    threads: 1
    params:
        code=code_digest("reporting.background.template"),
    shell:
        launch("reporting.background.template")


TARGETS["reporting"] += [
    *expand(
        "results/reporting/background/spectrum_{method}.png",
        method=["inclusive", *BACKGROUND_CUT],
    ),
    "results/reporting/background/abcd.png",
    "results/reporting/background/cathode_template.png",
]
