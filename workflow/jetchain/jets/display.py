"""The event that the displays show: its jets, true jets and hard partons."""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np

from jetchain.core.io.events import first_with_events, read_events, require_same_events
from jetchain.core.io.tables import write_result
from jetchain.core.kinematics import pt_eta_phi
from jetchain.core.schema.generate import GENERATED
from jetchain.core.schema.jets import (
    JET_CLASSES,
    EventJets,
    JetColumns,
    PartonColumns,
    jet_collection,
    jets_table,
)
from jetchain.core.verbs import Inputs, Output
from jetchain.jets.settings import SelectionJobSettings

COLUMNS = ("pt", "eta", "phi", "m", "msd", "label")


def display(*, jets: Inputs, truth: Inputs, event: Output, settings: SelectionJobSettings) -> None:
    """Write the first event whose leading jet is hard enough: no one chose it for its looks.

    The events are those of the first shard that holds any. If none is hard enough, the one with the
    hardest leading jet is written.

    Args:
        jets: the jets of the shards of a sample.
        truth: the generated events of the same shards.
        event: JSON: the event, its place in its shard, the rule that chose it, and whether the
            event passes it.
        settings: radius of the jets, and the pT of the leading one.

    Raises:
        EmptySampleError: no shard holds an event.
    """
    levels = {"jets": False, "truth": True}
    names = {level: jet_collection(settings.radius, truth) for level, truth in levels.items()}
    table = jets_table((settings.radius,))
    shard = first_with_events(jets, table)
    found = read_events(jets[shard], table, dict.fromkeys(names.values(), COLUMNS))
    generated = read_events(
        truth[shard], GENERATED, {"parton": ["pdgid", "px", "py", "pz", "mother"]}
    )
    require_same_events(generated, found, f"{truth[shard]} and {jets[shard]}")
    leading = np.asarray(ak.fill_none(ak.max(found[names["jets"]]["pt"], axis=1), 0.0))
    passes = leading > settings.pt_min
    row = int(np.argmax(passes if passes.any() else leading))
    write_result(
        event,
        EventJets(
            number=int(found["event"]["number"][row]),
            position=row,
            radius=settings.radius,
            pt_min=settings.pt_min,
            passes=bool(passes[row]),
            **{level: jet_columns(found[name][row]) for level, name in names.items()},
            parton=parton_columns(generated["parton"][row]),
        ),
    )


def jet_columns(jets: ak.Record) -> JetColumns:
    """The jets of an event, in falling pT: kinematics in GeV and rad, and the name of the label."""
    columns: dict[str, Any] = {name: np.asarray(jets[name]) for name in COLUMNS}
    columns["label"] = [JET_CLASSES[i] if i >= 0 else "unmatched" for i in columns["label"]]
    return JetColumns(**columns)


def parton_columns(partons: ak.Record) -> PartonColumns:
    """The outgoing ends of the hard process: what has a mother and is no other's mother.

    Args:
        partons: pdgid, px, py, pz (GeV) and mother of the partons of an event.
    """
    mother = np.asarray(partons["mother"])
    last = (mother >= 0) & ~np.isin(np.arange(len(mother)), mother)
    pt, eta, phi = pt_eta_phi(*(np.asarray(partons[name])[last] for name in ("px", "py", "pz")))
    return PartonColumns(
        pdgid=np.asarray(partons["pdgid"])[last],
        mother_pdgid=np.asarray(partons["pdgid"])[mother[last]],
        pt=pt,
        eta=eta,
        phi=phi,
    )
