"""The tutorial as notebooks with their outputs: ``python -m jetchain.plumbing.notebooks``.

Each page of docs/tutorial, and the page on reading outputs, becomes one notebook in notebooks/: its
text, its Python blocks as cells, and what these print and draw for the run in this folder. No
kernel is needed to make them: the cells run here, in one namespace a page.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import os
import re
import sys
from pathlib import Path
from typing import Any

from jetchain.core.errors import DataError
from jetchain.core.io.atomic import atomic

HOUSE = Path(__file__).resolve().parents[3]
NOTEBOOKS = HOUSE / "notebooks"
DOCS = HOUSE / "docs"
PAGES = (*sorted((DOCS / "tutorial").glob("[0-9]-*.md")), DOCS / "howto" / "notebook.md")
FIRST = """import os

if not os.path.isdir("results"):
    os.chdir("..")  # to the folder of the run"""
_FRONT = re.compile(r"\A---\n.*?\n---\n+", re.DOTALL)
_CODE = re.compile(r"^```python\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
_FIGURE = re.compile(
    r"^```\{run-figure\} (\S+)\n(?::\w+:[^\n]*\n)*\n?(.*?)^```\n", re.MULTILINE | re.DOTALL
)
_TABLE = re.compile(r"^```\{run-table\} (\S+)\n.*?^```\n", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\((?!https?:|#|/)([^)]+)\)")


def cells(page: Path) -> list[dict[str, Any]]:
    """The cells of a page, without outputs, in the form of a notebook (nbformat 4.5)."""
    text = _FRONT.sub("", page.read_text(encoding="utf-8"))

    def linked(found: re.Match[str]) -> str:
        target = os.path.normpath(page.parent.relative_to(HOUSE) / found[1])
        return f"](../{Path(target).as_posix()})"

    text = _LINK.sub(linked, text)
    text = _FIGURE.sub(
        lambda found: f"![{' '.join(found[2].split())}](../results/reporting/{found[1]}.png)\n",
        text,
    )
    text = _TABLE.sub(r"The table is `results/reporting/\1`.\n", text)
    pieces = _CODE.split(text)
    found = [("code", FIRST)] + [
        (("markdown", "code")[index % 2], piece.strip("\n")) for index, piece in enumerate(pieces)
    ]
    return [_cell(index, *each) for index, each in enumerate(found) if each[1]]


def _cell(index: int, kind: str, source: str) -> dict[str, Any]:
    name = hashlib.sha256(f"{index} {source}".encode()).hexdigest()[:8]
    cell = {"cell_type": kind, "id": name, "metadata": {}, "source": source}
    return cell if kind == "markdown" else {**cell, "execution_count": None, "outputs": []}


def run(found: list[dict[str, Any]], name: str) -> None:
    """Run the code cells in this process, in the current folder, and give them their outputs.

    Raises:
        DataError: a cell fails.
    """
    import matplotlib.pyplot as plt

    namespace: dict[str, Any] = {"__name__": "__main__"}
    code = [cell for cell in found if cell["cell_type"] == "code"]
    for count, cell in enumerate(code, start=1):
        printed = io.StringIO()
        try:
            with contextlib.redirect_stdout(printed):
                exec(compile(cell["source"], f"<{name}>", "exec"), namespace)
        except Exception as error:
            raise DataError(
                f"{name}: this cell fails ({type(error).__name__}: {error}):\n{cell['source']}",
                "Finish the run in this folder, or correct the page.",
            ) from error
        cell["execution_count"] = count
        if printed.getvalue():
            cell["outputs"].append(
                {"output_type": "stream", "name": "stdout", "text": printed.getvalue()}
            )
        for number in plt.get_fignums():
            picture = io.BytesIO()
            plt.figure(number).savefig(picture, dpi=60, metadata={"Software": None})
            cell["outputs"].append(
                {
                    "output_type": "display_data",
                    "metadata": {},
                    "data": {"image/png": base64.b64encode(picture.getvalue()).decode()},
                }
            )
        plt.close("all")


def notebook(found: list[dict[str, Any]]) -> str:
    """A notebook's file, checked against nbformat's schema."""
    import nbformat

    kernel = {"display_name": "jetchain", "language": "python", "name": "jetchain"}
    made = nbformat.from_dict(
        {
            "cells": found,
            "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
            "nbformat": 4,
            "nbformat_minor": 5,
        }
    )
    nbformat.validate(made)
    return nbformat.writes(made) + "\n"


def main() -> int:
    """Write all notebooks from the run in the current folder."""
    for page in PAGES:
        found = cells(page)
        run(found, page.stem)
        with atomic(NOTEBOOKS / f"{page.stem}.ipynb") as temporary:
            temporary.write_text(notebook(found), encoding="utf-8")
        print(f"notebooks/{page.stem}.ipynb: {len(found)} cells")
    return 0


if __name__ == "__main__":
    try:
        raise SystemExit(main())
    except DataError as failure:
        print(f"jetchain notebooks: {failure}", file=sys.stderr)
        raise SystemExit(failure.exit_code) from None
