# Figures and the table of the generated samples.


rule figure_generated_spectra:
    input:
        spectra=expand("results/generate/{sample}/spectra.json", sample=SAMPLES),
        summaries=expand("results/generate/{sample}/summary.json", sample=SAMPLES),
    output:
        **figure(
            "generate/generated_spectra",
            "Generate",
            {"figure": "Spectra of the samples"},
        ),
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
        **figure(
            "generate/generated_accounts",
            "Generate",
            {"figure": "Cross-sections and cutflow"},
        ),
        table=report(
            "results/reporting/generate/samples.csv",
            caption="../../report/generated_accounts.rst",
            category="Generate",
            labels={"figure": "Cross-sections and cutflow, table"},
        ),
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
