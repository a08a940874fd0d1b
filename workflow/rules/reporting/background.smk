# Figures of the background room.


rule figure_dijet_spectrum:
    input:
        spectra="results/background/{method}/spectra.csv",
        fits="results/background/{method}/fits.json",
    output:
        **figure(
            "background/dijet_spectrum_{method}",
            "Background",
            {"figure": "Dijet mass, {method}"},
        ),
    log:
        "results/logs/reporting/background/dijet_spectrum_{method}.log",
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
        **figure("background/abcd", "Background", {"figure": "ABCD plane and closure"}),
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
        **figure(
            "background/cathode_template", "Background", {"figure": "CATHODE template"}
        ),
    log:
        "results/logs/reporting/background/cathode_template.log",
    threads: 1
    params:
        code=code_digest("reporting.background.template"),
    shell:
        launch("reporting.background.template")


TARGETS["reporting"] += [
    *expand(
        "results/reporting/background/dijet_spectrum_{method}.png",
        method=["inclusive", *BACKGROUND_CUT],
    ),
    "results/reporting/background/abcd.png",
    "results/reporting/background/cathode_template.png",
]
