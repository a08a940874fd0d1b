"""The figures and tables of a run as the page shows them."""

from __future__ import annotations

import base64
import csv
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import unescape
from io import BytesIO
from itertools import groupby
from pathlib import Path

from PIL import Image
from snakemake_interface_report_plugins.interfaces import FileRecordInterface

from snakemake_report_plugin_jetchain.names import named
from snakemake_report_plugin_jetchain.numbers import plain
from snakemake_report_plugin_jetchain.samples import Source

# Data that are larger are not carried in the page; the link to the file is there in any case.
DATA_BYTES = 60_000
# Figures that are so much wider than high have a row of their own.
WIDE = 1.5
THUMBNAIL_WIDTH = 900  # px
_THUMBNAIL_COLOURS = 128
_TAG = re.compile(r"<[^>]+>")
_NOT_IN_IDS = re.compile(r"[^A-Za-z0-9]+")
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?(?=$| [+±])")
# The label that names a result; the others qualify it.
_TITLE = "figure"


@dataclass(frozen=True)
class Cell:
    """A cell of a table: what is shown, and the number to sort by if it is one."""

    text: str
    number: float | None = None


@dataclass(frozen=True)
class Result:
    """One figure or table.

    Attributes:
        id: its anchor.
        path: its file.
        title: what it is called; `labels` are what else it says of itself.
        caption: HTML.
        rule, seconds: which rule made it, and how long the job took; None if that is not known.
        contents: what it shows, as far as a table states it.
        sources: the samples that it traces back to.
        links: path relative to the page, by the kind of file.
        image: data URI; `width` and `height` in px, and `alt`.
        download: data URI of the data beside it; empty if there are none, or too many.
        header, rows: of a table; `numeric` are the columns of which every filled cell is a number.
    """

    id: str
    path: Path
    title: str
    labels: dict[str, str]
    caption: str
    rule: str
    seconds: float | None
    contents: str
    sources: list[Source]
    links: dict[str, str]
    image: str = ""
    width: int = 0
    height: int = 0
    alt: str = ""
    download: str = ""
    header: list[str] = field(default_factory=list)
    rows: list[list[Cell]] = field(default_factory=list)

    @property
    def numeric(self) -> set[int]:
        columns = zip(*self.rows, strict=True)
        return {
            index
            for index, cells in enumerate(columns)
            if all(each.number is not None for each in cells if each.text)
        }


def read_result(
    record: FileRecordInterface,
    *,
    seconds: float | None,
    contents: str,
    sources: list[Source],
    link: Callable[[Path], str],
) -> Result:
    """Read one result from its file.

    Args:
        record: as Snakemake gives it.
        seconds: run time of its job.
        contents: what it shows.
        sources: the samples that it traces back to.
        link: the way from the page to a file.
    """
    path = record.path
    labels = {name: named(str(value)) for name, value in (record.labels or {}).items()}
    title = labels.pop(_TITLE, path.stem)
    kinds = {"PDF": ".pdf", "PNG": ".png", "data": ".json", "CSV": ".csv"}
    beside = {
        kind: path.with_suffix(suffix)
        for kind, suffix in kinds.items()
        if path.suffix == suffix or (path.suffix == ".png" and kind in ("PDF", "data"))
    }
    result = Result(
        id=anchor(path),
        path=path,
        title=title,
        labels=labels,
        caption=record.caption,
        rule=record.job.rule.name,
        seconds=seconds,
        contents=contents,
        sources=sources,
        links={kind: link(file) for kind, file in beside.items() if file.exists()},
    )
    if path.suffix == ".csv":
        header, rows = read_table(path)
        return _with(result, header=header, rows=rows, download=data_uri(path, "text/csv"))
    if path.suffix != ".png":
        return result
    with Image.open(path) as image:
        width, height = image.size
    data = beside["data"]
    small = data.exists() and data.stat().st_size <= DATA_BYTES
    return _with(
        result,
        image=data_uri(path, "image/png"),
        width=width,
        height=height,
        alt=alternative(title, labels, record.caption),
        download=data_uri(data, "application/json") if small else "",
    )


def _with(result: Result, **more: object) -> Result:
    return Result(**(result.__dict__ | more))


def arrange(figures: Sequence[Result]) -> list[tuple[str, Result]]:
    """How each figure stands on a wide screen, by the class of the style sheet.

    Returns:
        ``wide`` for one in many panels, ``half`` for two side by side, and ``beside``, its caption
        at its side, for one that is left over.
    """
    placed: list[tuple[str, Result]] = []
    for wide, members in groupby(figures, lambda each: each.width > WIDE * each.height):
        run = list(members)
        pairs = len(run) - len(run) % 2
        placed += [("wide" if wide else "half", each) for each in (run if wide else run[:pairs])]
        placed += [("beside", each) for each in ([] if wide else run[pairs:])]
    return placed


def anchor(path: Path) -> str:
    """The anchor of a result: its path below results/reporting, in letters and digits."""
    inside = [part for part in path.with_suffix("").parts if part not in ("results", "reporting")]
    kind = "table-" if path.suffix == ".csv" else "figure-"
    return kind + _NOT_IN_IDS.sub("-", "-".join(inside)).strip("-").lower()


def alternative(title: str, labels: dict[str, str], caption: str) -> str:
    """Text for those who do not see the figure: what it is, and its caption's first sentence."""
    text = " ".join(unescape(_TAG.sub("", caption)).split())
    first = re.split(r"(?<=[a-z)0-9])\. (?=[A-Z])", text, maxsplit=1)[0].rstrip(".")
    named = ", ".join([title, *labels.values()])
    return f"{named}. {first}." if first else f"{named}."


def data_uri(path: Path, kind: str) -> str:
    """A file's content as a data URI."""
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"


def thumbnail(path: Path) -> str:
    """A small copy of a figure, as a data URI."""
    with Image.open(path) as image:
        small = image.convert("RGB")
        small.thumbnail((THUMBNAIL_WIDTH, THUMBNAIL_WIDTH))
        file = BytesIO()
        small.quantize(_THUMBNAIL_COLOURS).save(file, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def read_table(path: Path) -> tuple[list[str], list[list[Cell]]]:
    """A CSV file as header and cells, numbers rounded to what one can read."""
    with path.open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    return [name.replace("_", " ") for name in header], [list(map(cell, row)) for row in rows]


def cell(text: str) -> Cell:
    """A cell from its text; a number with its uncertainty, ``201 +- 4``, sorts by the number."""
    begin = _NUMBER.match(text)
    if begin is None:
        return Cell(named(text).replace("+-", "±"))
    number = float(begin[0])
    if begin[0] == text:
        return Cell(plain(number).replace("-", "−"), number)
    return Cell(text.replace("+-", "±").replace("-", "−"), number)
