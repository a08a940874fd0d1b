"""Jet graphs from the jets of a published file, as `graphs.build.jets` makes them of our own."""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jetchain.core.io.tables import write_result
from jetchain.core.io.tensors import JaggedWriter
from jetchain.core.schema.graphs import JET_GRAPHS, TRACK_TRUTH, ImportedJets, JetGraphCutflow
from jetchain.core.trees import EVENTS_PER_FILE, Part, require_checksum
from jetchain.core.verbs import Input, Output
from jetchain.graphs.formats import FORMATS
from jetchain.graphs.imported import (
    TRACK,
    Chunk,
    Columns,
    JetFormat,
    require_usable,
    whole_jets,
)
from jetchain.graphs.jets import JetTable, graphs_of_jets
from jetchain.graphs.nodes import offsets
from jetchain.graphs.settings import ImportSettings


def import_jets(
    *,
    source: Input,
    graphs: Output,
    cutflow: Output,
    shard: str,
    settings: ImportSettings,
    parts: int = 1,
    limit: int = 0,
) -> None:
    """Take one shard of a sample from a file of published jets.

    What the format does not hold is 0: distances of tracks, charge and kind. The weights are 1.

    Args:
        source: the file.
        graphs: one graph a jet (JET_GRAPHS); its header says what the labels are: ImportedJets.
        cutflow: JSON: jets left after each cut, constituents before and after the truncation.
        shard: its number, which sets the event numbers.
        settings: the format; selection and edges as of other samples; soft drop.
        parts, limit: which of the file's rows; see `core.trees.Part`.

    Raises:
        DataError: the file is missing, damaged, not the one of the checksum or of another layout,
            or has a value that is none; see `imported.require_usable`.
    """
    require_checksum(source, settings.checksums.get(source.name, ""))
    format: JetFormat = FORMATS.load(settings.format)()
    part = Part(int(shard), parts, limit)
    counts, read = Counter[str](), 0
    about = ImportedJets(labels=list(format.labels), feature_set=format.feature_set)
    with JaggedWriter(graphs, JET_GRAPHS, about) as writer:
        for chunk in format.chunks(source, part.rows):
            require_usable(source, chunk, len(format.labels), part.first + read)
            jet = whole_jets(chunk, format.radius, settings.soft_drop_zcut, settings.soft_drop_beta)
            table = as_table(chunk, jet, part.shard * EVENTS_PER_FILE + read)
            arrays, found = graphs_of_jets(table, settings)
            writer.write(arrays)
            counts.update(found)
            read += len(chunk.label if chunk.events is None else chunk.events)
        write_result(cutflow, JetGraphCutflow.model_validate(dict(counts)))
    print(f"jet graphs: {dict(counts)}", file=sys.stderr, flush=True)


def as_table(chunk: Chunk, jet: Columns, first: int) -> JetTable:
    """Jets as `graphs.jets.graphs_of_jets` takes them.

    Args:
        chunk: the jets.
        jet: their JET_COLUMNS.
        first: number of the first event.
    """
    jets, size = len(chunk.label), len(chunk.columns["px"])
    events = np.ones(jets, int) if chunk.events is None else chunk.events
    event = np.repeat(np.arange(len(events)), events)
    particles = {
        **{name: np.zeros(size, np.float32) for name in ("charge", *TRACK)},
        **{name: _float32(values) for name, values in chunk.columns.items() if name != "kind"},
        **{name: np.full(size, -1, np.int32) for name in TRACK_TRUTH},
        "label": chunk.columns.get("kind", np.full(size, -1)),
    }
    return JetTable(
        number=first + event,
        weight=np.ones(jets),
        order=np.arange(jets) - (np.cumsum(events) - events)[event],
        label=np.asarray(chunk.label, np.int64),
        columns={name: _float32(values) for name, values in jet.items()},
        offset=offsets(chunk.constituents),
        members=np.arange(size),
        particles=particles,
    )


def _float32(values: NDArray[Any]) -> NDArray[Any]:
    """As the tables of jets and particles hold numbers; whole ones would overflow in squares."""
    return values.astype(np.float32, copy=False)
