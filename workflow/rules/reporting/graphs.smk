# Figures of the graphs room.


rule figure_event_graph:
    input:
        table="results/graphs/display.json",
    output:
        **figure("graphs/event_graph", "Graphs", {"figure": "Graph of one event"}),
    log:
        "results/logs/reporting/graphs/event_graph.log",
    threads: 1
    params:
        code=code_digest("reporting.graphs.event_graph"),
    shell:
        launch("reporting.graphs.event_graph")


rule figure_jet_graph:
    input:
        table="results/graphs/display.json",
    output:
        **figure("graphs/jet_graph", "Graphs", {"figure": "Graph of one jet"}),
    log:
        "results/logs/reporting/graphs/jet_graph.log",
    threads: 1
    params:
        code=code_digest("reporting.graphs.jet_graph"),
    shell:
        launch("reporting.graphs.jet_graph")


TARGETS["reporting"] += [
    "results/reporting/graphs/event_graph.png",
    "results/reporting/graphs/jet_graph.png",
]
