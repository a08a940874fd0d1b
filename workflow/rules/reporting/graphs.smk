# Figures of the graphs room.


FIGURES += [
    Figure(
        "graphs/event_graph",
        "reporting.graphs.event_graph",
        "Graphs",
        {"figure": "Graph of one event"},
        inputs=dict(table="results/graphs/display.json"),
    ),
    Figure(
        "graphs/jet_graph",
        "reporting.graphs.jet_graph",
        "Graphs",
        {"figure": "Graph of one jet"},
        inputs=dict(table="results/graphs/display.json"),
    ),
]
