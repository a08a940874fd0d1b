"""The DAG as inline SVG: the rooms as a chain with arcs, the rules in layers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from snakemake_report_plugin_jetchain.layout import Edge, layered

_CHARACTER = 7.0  # mean width of a letter of 12 px, in px
_MARGIN = 6.0
_BOX, _ROW, _STEP = 24.0, 40.0, 62.0
_ARROW = (
    '<marker id="{id}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
    'orient="auto"><path d="M0 0 8 4 0 8z" class="tip"/></marker>'
)


def _svg(width: float, height: float, name: str, text: str, body: Sequence[str]) -> str:
    width, height = width + 2 * _MARGIN, height + 2 * _MARGIN
    return (
        f'<svg class="graph" role="img" aria-label="{escape(text)}" '
        f'width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="{-_MARGIN:.0f} {-_MARGIN:.0f} {width:.0f} {height:.0f}">'
        f"<title>{escape(text)}</title>"
        f"<defs>{_ARROW.format(id=name)}</defs>{''.join(body)}</svg>"
    )


def _box(x: float, y: float, width: float, height: float, text: str, hint: str) -> str:
    return (
        f"<g><title>{escape(hint)}</title>"
        f'<rect x="{x:.1f}" y="{y - height / 2:.1f}" width="{width:.1f}" height="{height:.1f}" '
        f'rx="4"/><text x="{x + width / 2:.1f}" y="{y:.1f}">{escape(text)}</text></g>'
    )


def draw_rules(jobs: Mapping[str, int], edges: Iterable[Edge], room_of: Mapping[str, str]) -> str:
    """Every rule in a box, from what reads nothing at the left to the figures at the right.

    Args:
        jobs: number of jobs of each rule, in the order of the chain.
        edges: from the rule that makes to the rule that reads.
        room_of: room of each rule, for the hint.
    """
    widths = {rule: _CHARACTER * len(rule) + 14 for rule in jobs}
    layout = layered(widths, edges)
    body = []
    for points in layout.edges.values():
        x, y = points[0]
        path = [f"M{x:.1f} {y:.1f}"]
        for i, (x2, y2) in enumerate(points[1:]):
            x1, y1 = points[i]
            middle = (x1 + x2) / 2
            # Within a layer an edge is straight, between layers it swings.
            path.append(
                f"H{x2:.1f}" if y1 == y2
                else f"C{middle:.1f} {y1:.1f} {middle:.1f} {y2:.1f} {x2:.1f} {y2:.1f}"
            )  # fmt: skip
        body.append(f'<path class="edge" d="{"".join(path)}" marker-end="url(#rule-tip)"/>')
    for rule, (x, y) in layout.nodes.items():
        hint = f"{rule}: room {room_of.get(rule, '-')}, jobs {jobs[rule]}"
        body.append(_box(x, y, widths[rule], _BOX, rule, hint))
    text = f"Rule graph: {len(jobs)} rules from the left to the right"
    return _svg(layout.width, layout.height, "rule-tip", text, body)


def draw_rooms(titles: Mapping[str, str], jobs: Mapping[str, int], edges: Iterable[Edge]) -> str:
    """The rooms from top to bottom; arcs at the right skip rooms, dashed arcs at the left go back.

    Args:
        titles: of the rooms, in the order of the chain.
        jobs: number of jobs of each room.
        edges: from the room that makes to the room that reads.
    """
    place = {room: index for index, room in enumerate(titles)}
    texts = {room: f"{title} · {jobs[room]:,}" for room, title in titles.items()}
    width = max(map(len, texts.values()), default=0) * _CHARACTER + 20
    pairs = sorted((place[a], place[b]) for a, b in edges if a != b and a in place and b in place)
    back = [pair for pair in pairs if pair[0] > pair[1]]
    left = _bulge(max((a - b for a, b in back), default=0))
    right = _bulge(max((b - a for a, b in pairs if b > a + 1), default=0))
    body = []
    for a, b in pairs:
        y1, y2 = _STEP * a + _ROW / 2, _STEP * b + _ROW / 2
        if b == a + 1:
            path = f"M{left + width / 2:.1f} {y1 + _ROW / 2:.1f}V{y2 - _ROW / 2 - 1:.1f}"
            style = "edge"
        else:
            side, out = (left + width, 1.0) if b > a else (left, -1.0)
            bend = side + out * _bulge(abs(b - a)) * 4 / 3  # a cubic reaches 3/4 of its controls
            path = (
                f"M{side:.1f} {y1:.1f}C{bend:.1f} {y1:.1f} {bend:.1f} {y2:.1f} {side:.1f} {y2:.1f}"
            )
            style = "edge" if b > a else "edge back"
        body.append(f'<path class="{style}" d="{path}" marker-end="url(#room-tip)"/>')
    for room, index in place.items():
        hint = f"{titles[room]}: jobs {jobs[room]}"
        body.append(_box(left, _STEP * index + _ROW / 2, width, _ROW, texts[room], hint))
    text = "Graph of the rooms: " + "; ".join(
        f"{titles[a]} to {titles[b]}" for a, b in sorted(edges) if a in place and b in place
    )
    height = _STEP * max(len(place) - 1, 0) + _ROW
    return _svg(left + width + right, height, "room-tip", text, body)


def _bulge(rooms: int) -> float:
    """How far an arc over so many rooms stands out, in px."""
    return 14.0 * rooms if rooms else 0.0
