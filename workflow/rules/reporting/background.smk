# Figures of the background room.


FIGURES |= {
    "background/dijet_spectrum_{method}": Figure(
        "reporting.background.spectrum",
        "Background",
        {"figure": "Dijet mass, {method}"},
        inputs=dict(
            spectra="results/background/{method}/spectra.csv",
            fits="results/background/{method}/fits.json",
        ),
        params=dict(labels=BACKGROUND_LABELS),
        over={"method": [*NO_CUT, *BACKGROUND_CUT]},
    ),
    "background/abcd_{method}": Figure(
        "reporting.background.abcd",
        "Background",
        {"figure": "ABCD plane and closure", "method": "{method}"},
        inputs=dict(
            plane="results/background/{method}/plane.csv",
            scan="results/background/{method}/scan.csv",
            closure="results/background/{method}/closure.json",
        ),
        params=dict(labels=BACKGROUND_LABELS),
        over={"method": BACKGROUND_ABCD},
    ),
    "background/template_{method}": Figure(
        "reporting.background.template",
        "Background",
        {"figure": "Template of the background", "method": "{method}"},
        inputs=dict(
            distributions="results/background/{method}/distributions.csv",
            quality="results/background/{method}/quality.json",
        ),
        params=dict(labels=BACKGROUND_LABELS),
        over={"method": BACKGROUND_TEMPLATES},
    ),
}
