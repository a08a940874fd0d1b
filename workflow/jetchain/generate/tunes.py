"""Tunes of Pythia's soft physics and showers, and the variations of its showers as weights."""

from __future__ import annotations

from dataclasses import dataclass

from jetchain.core.schema.generate import VARIATIONS


@dataclass(frozen=True)
class Tune:
    """A tune: the settings that make it, applied before a process card's, and who published it."""

    lines: tuple[str, ...]
    source: str


TUNES: dict[str, Tune] = {
    "monash": Tune((), "Pythia's default since 8.2: Skands, Carrazza and Rojo, arXiv:1404.5630"),
    "a14": Tune(
        ("Tune:pp = 21",),
        "ATLAS, ATL-PHYS-PUB-2014-021, with NNPDF2.3LO; Pythia 8.317 manual, page 'Tunes'",
    ),
    # CMS takes NNPDF3.1 NNLO from LHAPDF; set 20 is the one that Pythia has built in.
    "cp5": Tune(
        (
            "Tune:pp = 14",
            "Tune:ee = 7",
            "PDF:pSet = 20",
            "MultipartonInteractions:ecmPow = 0.03344",
            "MultipartonInteractions:bProfile = 2",
            "MultipartonInteractions:pT0Ref = 1.41",
            "MultipartonInteractions:coreRadius = 0.7634",
            "MultipartonInteractions:coreFraction = 0.63",
            "ColourReconnection:range = 5.176",
            "SigmaTotal:zeroAXB = off",
            "SpaceShower:alphaSorder = 2",
            "SpaceShower:alphaSvalue = 0.118",
            "SigmaProcess:alphaSorder = 2",
            "SigmaProcess:alphaSvalue = 0.118",
            "MultipartonInteractions:alphaSorder = 2",
            "MultipartonInteractions:alphaSvalue = 0.118",
            "TimeShower:alphaSorder = 2",
            "TimeShower:alphaSvalue = 0.118",
            "SigmaTotal:mode = 0",
            "SigmaTotal:sigmaEl = 21.89",
            "SigmaTotal:sigmaTot = 100.309",
        ),
        "CMS, arXiv:1903.12179; Configuration/Generator/python/MCTunes2017 of cms-sw/cmssw",
    ),
}

# Pythia varies the renormalisation scale of the showers; scales and PDFs of its leading-order hard
# processes it does not vary by weights. Final-state emissions are varied above a pT of
# sqrt(100) TimeShower:pTmin = 5 GeV (Pythia 8.317 manual, page "Automated Variations of Shower
# Parameters"). Softer ones go with the hadronisation in a tune, and would let the weights of the
# quark sample spread from 0.001 to 50 times the nominal one: rms 3.7 in the place of 0.5, for half
# the scale in the final state.
SHOWER_VARIATIONS = (
    "UncertaintyBands:doVariations = on",
    "UncertaintyBands:FSRpTmin2Fac = 100.",
    "UncertaintyBands:List = {"
    + ", ".join(f"{column} {name}" for column, name in VARIATIONS.items())
    + "}",
)
