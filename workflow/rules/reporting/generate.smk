# Figures and the table of the generated samples.


rule figure_generated_spectra:
    input:
        spectra=expand("results/generate/{sample}/spectra.json", sample=SAMPLES),
        summaries=expand("results/generate/{sample}/summary.json", sample=SAMPLES),
    output:
        png=report(
            "results/reporting/generate/generated_spectra.png",
            caption="../../report/generated_spectra.rst",
            category="Generate",
            labels={"figure": "Spectra of the samples"},
        ),
        pdf="results/reporting/generate/generated_spectra.pdf",
    log:
        "results/logs/reporting/generate/generated_spectra.log",
    threads: 1
    params:
        code=code_digest("reporting.generate.spectra"),
    shell:
        launch("reporting.generate.spectra")


rule figure_generated_accounts:
    input:
        summaries=expand("results/generate/{sample}/summary.json", sample=SAMPLES),
    output:
        table=report(
            "results/reporting/generate/samples.csv",
            caption="../../report/generated_accounts.rst",
            category="Generate",
            labels={"figure": "Cross-sections and cutflow, table"},
        ),
        png=report(
            "results/reporting/generate/generated_accounts.png",
            caption="../../report/generated_accounts.rst",
            category="Generate",
            labels={"figure": "Cross-sections and cutflow"},
        ),
        pdf="results/reporting/generate/generated_accounts.pdf",
    log:
        "results/logs/reporting/generate/generated_accounts.log",
    threads: 1
    params:
        code=code_digest("reporting.generate.accounts"),
    shell:
        launch("reporting.generate.accounts")


TARGETS["reporting"] += [
    "results/reporting/generate/generated_spectra.png",
    "results/reporting/generate/generated_accounts.png",
]
