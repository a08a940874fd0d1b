# Figures of the background room.


def own_label(wildcards):
    """The displayed name of the method, alone: another search changes no figure of this one."""
    method = wildcards.method
    return json.dumps({method: NO_CUT.get(method) or METHODS[method].label})


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
        params=dict(labels=own_label),
        over={"method": [*NO_CUT, *BACKGROUND_CUT]},
    ),
    Figure(
        "background/abcd_{method}",
        "reporting.background.abcd",
        "Background",
        {"figure": "ABCD plane and closure", "method": "{method}"},
        inputs=dict(
            plane="results/background/{method}/plane.csv",
            scan="results/background/{method}/scan.csv",
            closure="results/background/{method}/closure.json",
        ),
        params=dict(labels=own_label),
        over={"method": BACKGROUND_ABCD},
    ),
    Figure(
        "background/template_{method}",
        "reporting.background.template",
        "Background",
        {"figure": "Template of the background", "method": "{method}"},
        inputs=dict(
            distributions="results/background/{method}/distributions.csv",
            quality="results/background/{method}/quality.json",
        ),
        params=dict(labels=own_label),
        over={"method": BACKGROUND_TEMPLATES},
    ),
]

HUNT = Figure(
    "background/bump_hunt_{method}",
    "reporting.bump_hunt.figure",
    "Background",
    {"figure": "Bump hunt", "method": "{method}"},
    inputs=dict(bump_hunt="results/background/{method}/bump_hunt.json"),
    params=dict(labels=own_label),
    over={"method": CONFIG.background.bump_hunt.methods},
)
FIGURES.append(HUNT)
