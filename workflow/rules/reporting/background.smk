# Figures of the background room.


FIGURES += [
    Figure(
        "background/dijet_spectrum_{method}",
        "reporting.background.spectrum",
        "Background",
        {"figure": "Dijet mass, {method}"},
        inputs=dict(
            spectra="results/background/{method}/spectra.csv",
            fits="results/background/{method}/fits.json",
        ),
        over={"method": ["inclusive", *BACKGROUND_CUT]},
    ),
    Figure(
        "background/abcd",
        "reporting.background.abcd",
        "Background",
        {"figure": "ABCD plane and closure"},
        inputs=dict(
            plane="results/background/disco/plane.csv",
            scan="results/background/disco/scan.csv",
            closure="results/background/disco/closure.json",
        ),
    ),
    Figure(
        "background/cathode_template",
        "reporting.background.template",
        "Background",
        {"figure": "CATHODE template"},
        inputs=dict(
            distributions="results/background/cathode/distributions.csv",
            quality="results/background/cathode/quality.json",
        ),
    ),
]
