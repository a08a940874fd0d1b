"""Tables and results of the generate room."""

from __future__ import annotations

from jetchain.core.schema.base import EVENT, MOMENTUM, Column, EventTable, Result

UNSEEN = 0
"""`seen_as` of particles that leave nothing in a detector."""

VARIATIONS = {
    "weight_fsr_half": "fsr:muRfac=0.5",
    "weight_fsr_double": "fsr:muRfac=2.0",
    "weight_isr_half": "isr:muRfac=0.5",
    "weight_isr_double": "isr:muRfac=2.0",
}
"""Columns of the weights with varied showers: Pythia's names, in the order in which it gives them
(renormalisation scale of the final- and initial-state showers, halved and doubled)."""

GENERATED = EventTable(
    name="generated events",
    tree="Events",
    event={
        **EVENT,
        "process": Column("i4", "", "Pythia's process code"),
        "pthat": Column("f4", "GeV", "transverse momentum of the hard process"),
        **{
            name: Column("f8", "", f"weight with {varied}; `weight` where nothing is varied")
            for name, varied in VARIATIONS.items()
        },
    },
    collections={
        "particle": {
            "pdgid": Column("i4", "", "PDG code of the final-state particle, neutrinos included"),
            **MOMENTUM,
            "charge": Column("f4", "e", "electric charge"),
            # What particles are is decided once: generate/properties.py.
            "seen_as": Column(
                "i4",
                "",
                "PDG code of what a detector sees: its own, or a muon's where settings say so; 0 "
                "for what leaves nothing, such as neutrinos",
            ),
            "ctau": Column("f8", "mm", "mean proper decay length; inf if stable or unknown"),
            "x": Column("f4", "mm", "production vertex, x"),
            "y": Column("f4", "mm", "production vertex, y"),
            "z": Column("f4", "mm", "production vertex, z"),
            # What decides both, and what files of other programs do not tell: generate/origins.py.
            "origin": Column("i4", "", "index into ORIGINS, -1 where the file tells no history"),
            "vertex": Column(
                "i4",
                "",
                "number of its vertex in the event: 0 is the primary one, then one for each decay "
                "of a b or c hadron or tau, or of what flew 0.1 mm; -1 as for origin",
            ),
        },
        "parton": {
            "pdgid": Column("i4", "", "PDG code of a hard-process parton, boson or decay product"),
            **MOMENTUM,
            "mother": Column("i4", "", "index of its mother in this collection, -1 for none"),
        },
        "hadron": {
            "pdgid": Column("i4", "", "PDG code of a weakly decaying b or c hadron"),
            **MOMENTUM,
            "x": Column("f4", "mm", "decay vertex, x"),
            "y": Column("f4", "mm", "decay vertex, y"),
            "z": Column("f4", "mm", "decay vertex, z"),
        },
    },
)


class Cutflow(Result):
    """Numbers of events: all that were tried fail in the generator, or are removed, or kept."""

    tried: int
    failed_in_generator: int
    generated: int
    removed_by_filter: int
    kept: int


class Account(Result):
    """What was generated.

    Fields:
        process: name of the process card, gun, or format of the file.
        cutflow: events.
        sum_of_weights_generated, sum_of_weights_kept, sum_of_squared_weights_kept: of the events.
        filter_efficiency: part of the weight that is kept; None where nothing was generated.
        cross_section_pb, cross_section_error_pb: before the filter; None where none is known.
        cross_section_kept_pb: behind it.
    """

    process: str
    cutflow: Cutflow
    sum_of_weights_generated: float
    sum_of_weights_kept: float
    sum_of_squared_weights_kept: float
    filter_efficiency: float | None
    cross_section_pb: float | None
    cross_section_error_pb: float | None
    cross_section_kept_pb: float | None


class ShardAccount(Account):
    """One shard, by its number, and its least pTHat before the filter, GeV; None of imports."""

    shard: int
    lowest_pthat: float | None


class SampleAccount(Account):
    """All shards of a sample.

    Fields:
        cross_section_unknown: why it is; None where it is known.
        luminosity_fb: that the configuration asks for, 1/fb; None for none, as in the next two.
        weight_to_luminosity: by which weights are multiplied, to add up to that luminosity's.
        expected_events: that are kept of it.
    """

    sample: str
    shards: int
    cross_section_unknown: str | None
    luminosity_fb: float | None = None
    weight_to_luminosity: float | None = None
    expected_events: float | None = None


class GenerationRates(Result):
    """Events per CPU second of a bare loop of Pythia and of our generation, and their ratio."""

    bare_events_per_cpu_s: float
    ours_events_per_cpu_s: float
    ratio: float


class GenerationBench(Result):
    """Rates by process; number of events of each, and of those asked from Pythia at a time."""

    events: int
    chunk: int
    processes: dict[str, GenerationRates]
