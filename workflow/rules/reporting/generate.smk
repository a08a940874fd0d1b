# Figures and the table of the generated samples.


FIGURES |= {
    "generate/generated_spectra": Figure(
        "reporting.generate.spectra",
        "Generate",
        {"figure": "Spectra of the samples"},
        inputs=dict(
            spectra=expand("results/generate/{sample}/spectra.json", sample=SAMPLES),
            summaries=expand("results/generate/{sample}/summary.json", sample=SAMPLES),
        ),
    ),
    "generate/generated_accounts": Figure(
        "reporting.generate.accounts",
        "Generate",
        {"figure": "Cross-sections and cutflow"},
        inputs=dict(
            summaries=expand("results/generate/{sample}/summary.json", sample=SAMPLES)
        ),
    ),
    "generate/samples": Figure(
        "reporting.generate.samples",
        "Generate",
        {"figure": "Cross-sections and cutflow, table"},
        inputs=dict(
            summaries=expand("results/generate/{sample}/summary.json", sample=SAMPLES)
        ),
        kind="table",
        caption="generated_accounts",
    ),
}
