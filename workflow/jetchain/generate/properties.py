"""What particles are: their charge and lifetime, and what a detector sees them as.

It is decided here alone, when events are made or taken from a file; the table GENERATED carries it
to all other rooms. Pythia's particle data tell, those of the card for our own samples and Pythia's
defaults for guns and files. What Pythia does not know, as most nuclei, comes from the numbering
scheme (PDG 2024, section 45; package particle).

Nothing is seen of what Pythia's data call invisible (neutrinos, dark matter, a card's particle with
isVisible = off), and of other new particles without charge and colour. The detector simulates
electrons, muons, photons, hadrons and nuclei. All else is refused, unless the settings say that it
is invisible or flies like a muon.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import pythia8mc
from numpy.typing import NDArray
from particle import PDGID

from jetchain.core.errors import DataError, GeneratorError, JetchainError
from jetchain.core.schema.generate import UNSEEN
from jetchain.generate.settings import ParticleSettings

MUON = 13
LEPTONS_AND_PHOTON = (11, 13, 15, 22)
SHORT_LIVED = (6, 23, 24, 25)  # top, Z, W, H
# Pythia 8.317 calls these partners of dark matter invisible, which have a charge.
CHARGED_DARK = (56, 57, 59)
GENERATORS_OWN = (*range(81, 101), 110, 990)  # and 99...0, diffracted hadrons
FIRST_NUCLEUS = 1_000_000_000
LARGEST = 2**31 - 1  # of Pythia's and of GENERATED
FIRST_MONOPOLE, LAST_MONOPOLE = 4_110_000, 4_129_999


class Property(NamedTuple):
    """Of the particle with the positive code."""

    charge: float  # e
    seen_as: int  # PDG code that the detector simulates, or UNSEEN
    ctau: float  # mm, inf for stable


class Properties:
    """Looks particles up in Pythia's particle data and in the numbering scheme.

    Args:
        settings: particles that are treated in another way.
        pythia: with a card's particle data; Pythia's defaults if not given.
    """

    def __init__(self, settings: ParticleSettings, pythia: Any = None) -> None:
        self._settings = settings
        self._error: type[JetchainError] = DataError if pythia is None else GeneratorError
        self._pythia = pythia or pythia8mc.Pythia("", False)
        self._data = self._pythia.particleData
        self._known: dict[int, Property | str] = {}

    def columns(
        self, pdgid: NDArray[Any], source: str, event: NDArray[Any] | None = None
    ) -> dict[str, NDArray[Any]]:
        """Charge, seen_as and ctau of final particles, (n,) each, as GENERATED declares them.

        Args:
            pdgid: (n,) PDG codes.
            source: file or process that they are of, for the message.
            event: (n,) their event there, counted from 1, if that is to be named.

        Raises:
            DataError, GeneratorError: there are particles that the detector cannot simulate.
        """
        codes, inverse = np.unique(pdgid.astype(np.int64), return_inverse=True)
        found = [self._of(abs(code)) for code in codes.tolist()]
        refused = {abs(c): why for c, why in zip(codes, found, strict=True) if isinstance(why, str)}
        if refused:
            named = ", ".join(f"{code} ({why})" for code, why in refused.items())
            first = np.argmax(np.isin(np.abs(codes), list(refused))[inverse])
            where = "" if event is None else f" of event {event[first]}"
            raise self._error(
                f"{source}: the detector cannot simulate final particles{where}: the PDG codes "
                f"{named}.",
                "Let the generator decay them, or name them in particles.invisible or "
                "particles.like_muons of the sample's source or generation, in generate.samples.",
            )
        sign = np.sign(codes)
        charge, seen_as, ctau = np.array(found, float).reshape(-1, 3).T
        # Which of mu- and mu+ a heavy one is like, its charge says: all others keep their sign.
        seen_as = np.where(np.abs(codes) == seen_as, codes, -seen_as * np.sign(charge) * sign)
        return {
            "charge": (sign * charge + 0.0).astype(np.float32)[inverse],  # no -0
            "seen_as": seen_as.astype(np.int32)[inverse],
            "ctau": ctau[inverse],
        }

    def _of(self, code: int) -> Property | str:
        if code not in self._known:
            self._known[code] = self._decide(code)
        return self._known[code]

    def _decide(self, code: int) -> Property | str:
        """What a particle is, or why the detector cannot simulate it."""
        data, scheme = self._data, PDGID(code)
        known = 0 < code <= LARGEST and data.isParticle(code)
        charge = data.chargeType(code) / 3 if known else _charge(scheme)
        length = data.tau0(code) if known else 0.0
        ctau = length if length > 0 else math.inf
        if code in self._settings.invisible:
            return Property(charge or 0.0, UNSEEN, ctau)
        if code in self._settings.like_muons:
            return Property(charge, MUON, math.inf) if charge else "like_muons, but no charge known"
        if known and self._is_invisible(code):
            return Property(charge or 0.0, UNSEEN, ctau)
        if charge is None or not self._is_simulated(code, scheme, known):
            return self._why_not(code, scheme, charge)
        return Property(charge, code, ctau)

    def _is_invisible(self, code: int) -> bool:
        data = self._data
        if (code in SHORT_LIVED and data.mayDecay(code)) or code in CHARGED_DARK:
            return False
        if not data.isVisible(code):
            return True
        return not (
            data.chargeType(code)
            or data.colType(code)
            or data.isHadron(code)
            or code in (*LEPTONS_AND_PHOTON, *GENERATORS_OWN)
            or (code // 100_000 == 99 and code % 10 == 0)
            or PDGID(code).is_Rhadron
        )

    def _is_simulated(self, code: int, scheme: PDGID, known: bool) -> bool:
        if code >= FIRST_NUCLEUS:
            return bool(scheme.is_nucleus)
        if not known:
            # Of seven digits, hadrons begin with 9; other ones are of new theories.
            new = 1_000_000 <= code < 9_000_000
            return bool(scheme.is_hadron and not new)
        data = self._data
        parton = code < 6 or data.isGluon(code) or data.isDiquark(code)
        return code in LEPTONS_AND_PHOTON or data.isHadron(code) or parton

    def _why_not(self, code: int, scheme: PDGID, charge: float | None) -> str:
        if scheme.is_Rhadron:
            return "an R-hadron"
        if scheme.is_Qball:
            return "a Q-ball"
        if FIRST_MONOPOLE <= code <= LAST_MONOPOLE:
            return "a magnetic monopole"
        if charge is None:
            return "neither Pythia nor the PDG's numbering scheme knows it"
        if code in SHORT_LIVED:
            return "it decays before it reaches a detector"
        return f"{self._data.name(code) or 'unknown'} of charge {charge:.3g}"


def _charge(scheme: PDGID) -> float | None:
    """Charge by the numbering scheme in e, of codes to which it gives a meaning."""
    meant = scheme.is_hadron or scheme.is_nucleus or scheme.is_SUSY or scheme.is_Qball
    return scheme.three_charge / 3 if meant and scheme.three_charge is not None else None
