"""Write detector events as COCOA does, for programs that read COCOA's files."""

from __future__ import annotations

from jetchain.core.io.events import write_event_chunks
from jetchain.core.schema.detector import COCOA
from jetchain.core.verbs import Input, Inputs, Output, Resource
from jetchain.detector.event import EventSimulation
from jetchain.detector.exchange.cocoa import to_cocoa
from jetchain.detector.geometry.description import build_geometry, read_geometry
from jetchain.detector.settings import SimulationSettings
from jetchain.detector.simulate import simulate_file
from jetchain.detector.table import Account


def export_cocoa(
    *,
    events: Input,
    pileup: Inputs,
    geometry: Resource,
    output: Output,
    settings: SimulationSettings,
    seed: int,
) -> None:
    """Write a shard under COCOA's branch names, in its tree `Out_Tree` and its units.

    The detector is simulated again, with the numbers of `detector.simulate`: its table does not say
    which particle left what in a cell.

    uproot cannot write C++ vectors (version 5.7: numbers, strings and one level of lists). Where
    COCOA has a vector<float> or vector<int>, the file has an array of variable length with a
    counter (`ncell`, `ntrack`, ...), which uproot and ROOT's RDataFrame read alike. Where COCOA has
    a vector<vector<float>>, the inner lists are joined in the branch, and their lengths stand in
    `<branch>_n`: cell_parent_list, cell_parent_energy, particle_to_node_idx,
    particle_to_node_weight. `number` and `weight` of the events are added.

    Not in our table, and so not in the file: pflow_, jets, graph edges, truth graph (node_) and
    conversion electrons (conv_el_).

    Args:
        events: table GENERATED.
        pileup: tables GENERATED of minimum-bias events; none where there is no pile-up.
        geometry: resources/geometry/<name>.yaml.
        output: written, table COCOA.
        settings: the simulation.
        seed: that of `detector.simulate`.

    Raises:
        EmptySampleError: there is pile-up, and the pool has too few events.
    """
    simulation = EventSimulation(
        build_geometry(read_geometry(geometry)), settings, seed, keep_cell_truth=True
    )
    chunks = simulate_file(events, pileup, simulation, Account(simulation.geometry))
    write_event_chunks(output, COCOA, map(to_cocoa, chunks))
