# Figures of the graphs room.


FIGURES |= {
    "graphs/event_graph": Figure(
        "reporting.graphs.event_graph",
        "Graphs",
        {"figure": "Graph of one event"},
        inputs=dict(table="results/graphs/display.json"),
    ),
    "graphs/jet_graph": Figure(
        "reporting.graphs.jet_graph",
        "Graphs",
        {"figure": "Graph of one jet"},
        inputs=dict(table="results/graphs/display.json"),
    ),
}
