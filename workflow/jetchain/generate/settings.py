"""Settings of the `generate` room: which samples, from which process card, how many events."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import field_validator, model_validator

from jetchain.core.resources import RESOURCES
from jetchain.core.settings import Settings, key, require_known
from jetchain.core.sources import FileSettings, require_four_digits, require_sample_names, shards_of

CARDS = RESOURCES / "processes"
GUN = "gun"
# Pythia's settings that need a file of events; without one, merging crashes Pythia 8.317.
OF_FILES = ("beams:frametype4", "beams:frametype5", "beams:lhef", "merging:", "jetmatching:")
UNHOOKED = ("jetmatching:", "powheg:")
"""Pythia's settings that only hooks read, which are not installed: they would change nothing."""
MERGING = "merging:"
"""CKKW-L and what follows from it, which Pythia does by itself."""
HARDEST = 1e6
"""GeV: ten times the beams that anyone plans. What is harder has another unit, or is damaged, and
its shower would ask for all memory."""

# PDG code of a particle that a gun can throw: its mass in GeV
# (Particle Data Group, Phys. Rev. D 110 (2024) 030001). The pi0 is thrown as its two photons.
GUN_PARTICLES: dict[int, float] = {
    11: 0.00051099895,
    -11: 0.00051099895,
    13: 0.1056583755,
    -13: 0.1056583755,
    22: 0.0,
    111: 0.1349768,
    211: 0.13957039,
    -211: 0.13957039,
    130: 0.497611,
    310: 0.497611,
    321: 0.493677,
    -321: 0.493677,
    2112: 0.93956542,
    -2112: 0.93956542,
    2212: 0.93827209,
    -2212: 0.93827209,
}


def known_processes() -> list[str]:
    """Names of the process cards in resources/processes."""
    return sorted(card.stem for card in CARDS.glob("*.cmnd"))


class FilterSettings(Settings):
    """Keep events by their leading truth jet; what it removes is counted in the cutflow."""

    jet_pt_min: float = key(
        0.0, "least pT of the leading truth jet; 0 keeps every event", unit="GeV", ge=0
    )
    jet_radius: float = key(1.0, "anti-kT radius of the truth jets", gt=0, le=2)
    jet_eta_max: float = key(2.5, "largest abs(eta) of a jet that counts", gt=0)


class GunSettings(Settings):
    """Particles thrown from the origin, uniform in eta and phi; used by the process `gun` only."""

    pdgids: list[int] = key([211, -211], "PDG codes drawn with equal probability", min_length=1)
    variable: Literal["pt", "energy"] = key("pt", "what is drawn log-uniformly: pt or energy")
    minimum: float = key(1.0, "least value of the variable", unit="GeV", gt=0)
    maximum: float = key(200.0, "largest value of the variable", unit="GeV", gt=0, le=HARDEST)
    eta_max: float = key(2.5, "largest abs(eta)", gt=0, le=6)
    particles: int = key(1, "particles an event", ge=1)

    @field_validator("pdgids")
    @classmethod
    def _known_pdgids(cls, value: list[int]) -> list[int]:
        for code in value:
            require_known(str(code), map(str, GUN_PARTICLES), "gun particle")
        return value

    @model_validator(mode="after")
    def _ordered_range(self) -> Self:
        if self.minimum > self.maximum:
            raise ValueError(f"minimum {self.minimum} lies above maximum {self.maximum}")
        if self.variable == "energy":
            heaviest = max(GUN_PARTICLES[code] for code in self.pdgids)
            if self.minimum <= heaviest:
                raise ValueError(
                    f"minimum energy {self.minimum} GeV must exceed the mass of the heaviest "
                    f"particle, {heaviest} GeV"
                )
        return self


class ParticleSettings(Settings):
    """Final particles that a detector sees in another way than generate/properties.py tells."""

    invisible: list[int] = key(
        [], "positive PDG codes of particles that leave nothing in a detector"
    )
    like_muons: list[int] = key(
        [], "positive PDG codes of charged particles that are simulated as muons"
    )

    @model_validator(mode="after")
    def _positive_and_once(self) -> Self:
        codes = [*self.invisible, *self.like_muons]
        for code in codes:
            if code < 0:
                raise ValueError(f"{code}: give the positive code, which stands for both signs")
            if codes.count(code) > 1:
                raise ValueError(f"{code} is named twice")
        return self


AS_THEY_ARE = ParticleSettings()


class GenerationSettings(Settings):
    """The physics of one sample: all that the content of one shard depends on."""

    process: str = key(..., "name of a card in resources/processes, or gun")
    events: int = key(1000, "events generated in one shard, before the filter", ge=1)
    tune: Literal["monash", "a14", "cp5"] = key(
        "monash", "Pythia's default, or like ATLAS's A14 or CMS's CP5: generate/tunes.py"
    )
    variations: Literal["none", "shower"] = key(
        "none",
        "weights beside the nominal one: the scales of the initial- and final-state showers halved "
        "and doubled, at twice the time",
    )
    overrides: list[str] = key(
        [], "Pythia settings applied after the card, for example 'PartonLevel:MPI = off'"
    )
    filter: FilterSettings = key(FilterSettings(), "which events are kept")
    gun: GunSettings = key(GunSettings(), "what the process gun throws")
    particles: ParticleSettings = key(
        AS_THEY_ARE, "how a detector sees final particles that it cannot simulate"
    )

    @field_validator("process")
    @classmethod
    def _known_process(cls, value: str) -> str:
        require_known(value, known_processes(), "process card")
        return value

    @field_validator("overrides")
    @classmethod
    def _no_seed(cls, value: list[str]) -> list[str]:
        for line in value:
            if line.replace(" ", "").replace("=", "").lower().startswith(OF_FILES):
                raise ValueError(
                    f"'{line}' is for a file of events: give it as a source, of the format lhe"
                )
        return without_seed(value)

    @model_validator(mode="after")
    def _gun_or_process(self) -> Self:
        gun = self.process == GUN
        unread = ("tune", "variations", "overrides", "filter", "particles") if gun else ("gun",)
        fields = type(self).model_fields
        default = {name: fields[name].get_default(call_default_factory=True) for name in unread}
        if said := [name for name in unread if getattr(self, name) != default[name]]:
            raise ValueError(
                f"the process {self.process} does not read {' and '.join(said)}: take "
                f"{'it' if len(said) == 1 else 'them'} out"
                " (of a sample of the defaults: give yours a name of its own)"
            )
        return self


class ShowerSettings(Settings):
    """What Pythia makes of the events of a Les Houches file; other formats don't read it."""

    tune: Literal["monash", "a14", "cp5"] = key("monash", "as in generation")
    overrides: list[str] = key(
        [],
        "Pythia settings, for example of the merging of multiplicities (Merging:doKTMerging = on)",
    )
    filter: FilterSettings = key(FilterSettings(), "which events are kept")

    @field_validator("overrides")
    @classmethod
    def _no_seed_and_no_file(cls, value: list[str]) -> list[str]:
        for line in value:
            if line.strip().lower().startswith("beams:"):
                raise ValueError(f"'{line}': the beams are those of the file")
            if line.strip().lower().startswith(UNHOOKED):
                raise ValueError(
                    f"'{line}' is read by a hook of Pythia's that is not installed here, so that "
                    "the events would be showered as if it were not there: match them where they "
                    "come from, and take the HepMC of that (format hepmc3)"
                )
        return without_seed(value)

    @property
    def merges(self) -> bool:
        """Whether Pythia merges the events of several multiplicities."""
        return any(line.strip().lower().startswith(MERGING) for line in self.overrides)


def without_seed(lines: list[str]) -> list[str]:
    """Settings of Pythia's; raises ValueError, for use in validators, where one sets the seed."""
    for line in lines:
        if line.strip().lower().startswith("random:"):
            raise ValueError(f"'{line}': the random seed of a shard is derived from the key 'seed'")
    return lines


class LesHouchesJob(Settings):
    """What `generate.import_lhe` reads."""

    shower: ShowerSettings = ShowerSettings()
    particles: ParticleSettings = AS_THEY_ARE


class SourceSettings(FileSettings):
    """Files of events that another program made, each split into equally many shards."""

    kinds = {  # noqa: RUF012 (a ClassVar of the base)
        "hepmc3": ["HepMC"],
        "lhe": ["Les Houches"],
        "delphes": ["ROOT"],
        "cocoa": ["ROOT"],
    }

    format: Literal["hepmc3", "lhe", "delphes", "cocoa"] = key(
        ...,
        "what the files are: hepmc3 (HepMC 2 or 3 in ASCII, also .gz), lhe (Les Houches events, "
        "also .gz: Pythia showers them), delphes (its generated particles) or cocoa (Out_Tree: "
        "detector events of Geant4)",
    )
    shower: ShowerSettings = key(ShowerSettings(), "how Pythia goes on from the events of lhe")
    particles: ParticleSettings = key(
        AS_THEY_ARE, "how a detector sees final particles that it cannot simulate"
    )

    @model_validator(mode="after")
    def _shower_of_lhe(self) -> Self:
        if self.format != "lhe" and self.shower != ShowerSettings():
            raise ValueError(
                f"shower is for files of Les Houches events (format lhe); those of {self.format} "
                "are read as they are: take it out"
            )
        return self


class RateSettings(Settings):
    """What `generate.summarise` reads; None as in the sample."""

    cross_section: float | None = None
    luminosity: float | None = None


class SampleSettings(Settings):
    """One sample: where its events come from, and in how many independent shards they are made."""

    shards: int = key(
        1,
        "number of shards; adding some leaves the finished ones alone. Of a source, as many for "
        "each of its files; one each if not given",
        ge=1,
    )
    cross_section: float | None = key(
        None,
        "cross-section before the filter, in the place of the generator's or the files'",
        unit="fb",
        gt=0,
    )
    luminosity: float | None = key(
        None,
        "what spectra and tables are normalised to, and how much of the background is the data of "
        "the search; as generated if not given",
        unit="1/fb",
        gt=0,
    )
    generation: GenerationSettings | None = key(None, "the physics of one shard")
    source: SourceSettings | None = key(None, "files in the place of generation")

    @field_validator("shards")
    @classmethod
    def _four_digits(cls, value: int) -> int:
        return require_four_digits(value)

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if self.generation is None and self.source is None:
            raise ValueError("one of generation (a process of Pythia) and source is required")
        if self.generation is not None and self.source is not None:
            raise ValueError(
                "has both generation and source; give a sample from files a name of its own, or "
                "set its generation to null"
            )
        if self.source is not None:
            self.__dict__["shards"] = shards_of(self, len(self.source.files), self.shards)
        return self

    @model_validator(mode="after")
    def _guns_have_no_rate(self) -> Self:
        if self.generation and self.generation.process == GUN:
            for name in ("cross_section", "luminosity"):
                if getattr(self, name) is not None:
                    raise ValueError(f"a gun has no cross-section: take out {name}")
        return self

    @property
    def parts(self) -> int:
        """Shards of each file of the source."""
        return self.shards // len(self.source.files) if self.source else 1


def _sample(process: str, shards: int, events: int, **rest: Any) -> SampleSettings:
    return SampleSettings(
        shards=shards, generation=GenerationSettings(process=process, events=events, **rest)
    )


# Of the classes of jets, which are taken from 500 GeV. What radiation lifts to there comes from far
# lower pTHat; events without any such jet need not be simulated.
OF_JETS = FilterSettings(jet_pt_min=400.0, jet_radius=0.8)


def laptop_samples() -> dict[str, SampleSettings]:
    """The samples of the laptop-scale default.

    The sizes give every class about 1200 jets of 500-1000 GeV, counted as (sum w)^2 / sum w^2 with
    the taggers' flat spectrum.
    """
    return {
        "quark": _sample("quark", 2, 1200, filter=OF_JETS, variations="shower"),
        "gluon": _sample("gluon", 2, 3100, filter=OF_JETS),
        "W": _sample("W", 2, 1150, filter=OF_JETS),
        "Z": _sample("Z", 2, 1000, filter=OF_JETS),
        "top": _sample("top", 2, 1900, filter=OF_JETS),
        "Hbb": _sample("Hbb", 2, 1750, filter=OF_JETS),
        "Hcc": _sample("Hcc", 2, 1750, filter=OF_JETS),
        "lhco_background": _sample(
            "lhco_background", 10, 8000, filter=FilterSettings(jet_pt_min=1100.0)
        ),
        "lhco_signal": _sample(
            "lhco_signal", 1, 3000, filter=FilterSettings(jet_pt_min=1100.0), variations="shower"
        ),
        "dijets": _sample("dijets", 4, 1500),
        "minbias": _sample("minbias", 1, 2000),
        "pion_gun": _sample("gun", 1, 2500, gun=GunSettings(maximum=1000.0, particles=5)),
        "photon_gun": _sample(
            "gun", 1, 2000, gun=GunSettings(pdgids=[22], maximum=100.0, eta_max=3.0, particles=5)
        ),
        "shower_gun": _sample(
            "gun",
            1,
            3000,
            gun=GunSettings(pdgids=[22, 130, 2112, -2112, 13], maximum=500.0, particles=5),
        ),
        # Of soft ones a mean needs more: their totals spread by .4 to .9.
        "soft_hadron_gun": _sample(
            "gun", 1, 3000, gun=GunSettings(pdgids=[130, 2112, -2112], maximum=20.0, particles=5)
        ),
        "particle_gun": _sample(
            "gun",
            1,
            20_000,
            gun=GunSettings(
                pdgids=[11, 22, 211, -211, 111, 130, 2112, -2112, 13],
                variable="energy",
                maximum=1000.0,
            ),
        ),
        "pi0_gun": _sample(
            "gun", 1, 1500, gun=GunSettings(pdgids=[111], minimum=2.0, maximum=12.0, eta_max=1.0)
        ),
        "pion_20": _sample(
            "gun",
            1,
            1500,
            gun=GunSettings(
                pdgids=[211, -211, 111], variable="energy", minimum=20.0, maximum=20.0, eta_max=2.5
            ),
        ),
    }


class BenchSettings(Settings):
    """What `make bench` measures of this room."""

    processes: list[str] = key(
        ["lhco_background", "quark", "top"], "process cards that are timed", min_length=1
    )
    events: int = key(1000, "events a round, of six rounds", ge=1)

    @field_validator("processes")
    @classmethod
    def _known_processes(cls, value: list[str]) -> list[str]:
        for name in value:
            require_known(name, [n for n in known_processes() if n != GUN], "process card")
        return value


class GenerateSettings(Settings):
    """Samples by name. Other rooms refer to them by these names."""

    samples: dict[str, SampleSettings] = key(
        laptop_samples(), "samples by name; every one is generated only if a target needs it"
    )

    bench: BenchSettings = key(BenchSettings(), "speed beside a bare pythia.next() loop")

    @field_validator("samples")
    @classmethod
    def _usable_samples(cls, value: dict[str, SampleSettings]) -> dict[str, SampleSettings]:
        if not value:
            raise ValueError("no sample is defined; give at least one")
        require_sample_names(value)
        return value
