"""Jet graphs from the jets of a published file, as `graphs.build.jets` makes them of our own."""

from __future__ import annotations

import sys
from collections import Counter

from jetchain.core.io.tables import write_result
from jetchain.core.io.tensors import JaggedWriter
from jetchain.core.schema.graphs import JET_GRAPHS, ImportedJets, JetGraphCutflow
from jetchain.core.trees import EVENTS_PER_FILE, Part, require_checksum
from jetchain.core.verbs import Input, Output
from jetchain.graphs.build import jet_graphs
from jetchain.graphs.formats import FORMATS
from jetchain.graphs.imported import JetFormat, as_events, require_usable, whole_jets
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
            event, jets, particles = as_events(chunk, jet, part.shard * EVENTS_PER_FILE + read)
            arrays, found = jet_graphs(event, jets, particles, settings)
            writer.write(arrays)
            counts.update(found)
            read += len(event["number"])
        write_result(cutflow, JetGraphCutflow.model_validate(dict(counts)))
    print(f"jet graphs: {dict(counts)}", file=sys.stderr, flush=True)
