"""Write detector events as COCOA does, for programs that read COCOA's files."""

from __future__ import annotations

from jetchain.core.io.events import read_events, write_events
from jetchain.core.schema.detector import COCOA, DETECTED
from jetchain.core.verbs import Input, Output
from jetchain.detector.exchange.cocoa import to_cocoa


def export_cocoa(*, events: Input, output: Output) -> None:
    """Write a shard under COCOA's branch names, in its tree `Out_Tree` and its units.

    uproot cannot write C++ vectors (version 5.7: numbers, strings and one level of lists). Where
    COCOA has a vector<float> or vector<int>, the file has an array of variable length with a
    counter (`ncell`, `ntrack`, ...), which uproot and ROOT's RDataFrame read alike. Where COCOA has
    a vector<vector<float>>, the inner lists are joined in the branch, and their lengths stand in
    `<branch>_n`: cell_parent_list, cell_parent_energy, particle_to_node_idx,
    particle_to_node_weight. `number` and `weight` of the events are added.

    Not in our table, and so not in the file: pflow_, jets, graph edges, truth graph (node_) and
    conversion electrons (conv_el_).

    Args:
        events: table DETECTED.
        output: written, table COCOA.
    """
    write_events(output, COCOA, to_cocoa(read_events(events, DETECTED)))
