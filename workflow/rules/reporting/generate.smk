# Figures and the table of the generated samples.


FIGURES += [
    Figure(
        "generate/generated_spectra",
        "reporting.generate.spectra",
        "Generate",
        {"figure": "Spectra of the samples"},
        inputs=dict(
            spectra=expand("results/generate/{sample}/spectra.json", sample=SAMPLES),
            summaries=expand("results/generate/{sample}/summary.json", sample=SAMPLES),
        ),
    ),
    Figure(
        "generate/generated_accounts",
        "reporting.generate.accounts",
        "Generate",
        {"figure": "Cross-sections and cutflow"},
        inputs=dict(
            summaries=expand("results/generate/{sample}/summary.json", sample=SAMPLES)
        ),
    ),
    Table(
        "generate/samples",
        "reporting.generate.samples",
        "Generate",
        {"figure": "Cross-sections and cutflow, table"},
        inputs=dict(
            summaries=expand("results/generate/{sample}/summary.json", sample=SAMPLES)
        ),
        caption="generated_accounts",
    ),
]
