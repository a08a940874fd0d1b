"""The layout of the DAG, and its drawing."""

import xml.etree.ElementTree as ET
from itertools import combinations

import pytest

from snakemake_report_plugin_jetchain.drawing import draw_rooms, draw_rules
from snakemake_report_plugin_jetchain.layout import acyclic, layered

NODES = {"make": 40.0, "simulate": 80.0, "cluster": 70.0, "train": 50.0, "draw": 40.0}
EDGES = [
    ("make", "simulate"), ("simulate", "cluster"), ("cluster", "train"), ("train", "draw"),
    ("make", "train"), ("simulate", "draw"), ("make", "draw"),
]  # fmt: skip


def test_every_edge_leads_to_the_right_between_the_boxes_that_it_joins():
    layout = layered(NODES, EDGES)
    for (source, target), points in layout.edges.items():
        x, y = layout.nodes[source]
        assert points[0] == (x + NODES[source], y)
        assert points[-1] == layout.nodes[target]
        xs = [point[0] for point in points]
        assert xs == sorted(xs)
        assert xs[0] < xs[-1]


def test_edges_that_follow_from_others_are_left_out():
    assert set(layered(NODES, EDGES).edges) == set(EDGES[:4])


def test_no_two_boxes_overlap_and_all_are_inside():
    wide = {f"figure_{index}": 90.0 for index in range(12)}
    layout = layered(NODES | wide, [*EDGES, *(("train", name) for name in wide)])
    boxes = []
    for name, (x, y) in layout.nodes.items():
        width = (NODES | wide)[name]
        assert 0 <= x <= x + width <= layout.width
        assert 12 <= y <= layout.height - 12
        boxes.append((x, x + width, y - 12, y + 12))
    for (a, b, c, d), (e, f, g, h) in combinations(boxes, 2):
        assert b <= e or f <= a or d <= g or h <= c


def test_neighbours_stand_at_the_height_of_each_other():
    chains = [(f"{name}{step}", f"{name}{step + 1}") for name in "abcd" for step in range(3)]
    names = [f"{name}{step}" for step in range(4) for name in ("dbca" if step % 2 else "abcd")]
    layout = layered(dict.fromkeys(names, 30.0), chains)
    for source, target in chains:
        assert layout.nodes[source][1] == pytest.approx(layout.nodes[target][1])


def test_a_cycle_loses_the_edge_that_leads_back():
    graph, removed = acyclic(["a", "b", "c"], [("a", "b"), ("b", "c"), ("c", "a")])
    assert removed == [("c", "a")]
    assert set(graph.edges) == {("a", "b"), ("b", "c")}


def test_the_layout_is_the_same_every_time():
    assert layered(NODES, EDGES) == layered(NODES, EDGES[::-1])


def test_an_empty_graph_is_drawn_too():
    ET.fromstring(draw_rules({}, [], {}))
    ET.fromstring(draw_rooms({}, {}, []))


def test_the_drawing_names_every_rule_and_is_well_formed():
    text = draw_rules(dict.fromkeys(NODES, 2), EDGES, {"make": "first & last"})
    root = ET.fromstring(text)
    assert {each.text for each in root.iter("text")} == set(NODES)
    assert "make: room first & last, jobs 2" in {each.text for each in root.iter("title")}
    assert len([each for each in root.iter("path") if "edge" in each.get("class")]) == 4


def test_a_way_back_between_rooms_is_dashed():
    titles = {"one": "One", "two": "Two", "three": "Three"}
    edges = [("one", "two"), ("one", "three"), ("three", "one"), ("one", "one"), ("two", "else")]
    root = ET.fromstring(draw_rooms(titles, dict.fromkeys(titles, 1), edges))
    drawn = [each.get("class") for each in root.iter("path") if each.get("class") != "tip"]
    assert sorted(drawn) == ["edge", "edge", "edge back"]
    left, _, width, _ = map(float, root.get("viewBox").split())
    for each in root.iter("rect"):
        assert left < float(each.get("x")) < left + width
