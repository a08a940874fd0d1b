"""What pages take from a finished run: its figures, its tables, and what their Python blocks print.

The run is that of the repository (`results/`), or the one whose results folder is named by
JETCHAIN_RESULTS.
"""

from __future__ import annotations

import contextlib
import csv
import io
import os
import re
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from docutils import nodes
from docutils.core import publish_doctree
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.errors import SphinxError
from sphinx.util.docutils import SphinxDirective

from jetchain.core.errors import DataError
from jetchain.plumbing.checksums import RESULTS, compute
from jetchain.plumbing.provenance.manifest import MANIFEST, Entries, read_manifest, read_rules
from jetchain.plumbing.provenance.settings import Places, settings_behind

HOUSE = Path(__file__).resolve().parents[2]
IS_FILE = re.compile(r"# [\w./-]+\.py\n")  # a block that the reader saves
CAPTIONS = HOUSE / "workflow" / "report"


class RunError(SphinxError):
    """The run lacks what a page shows."""

    category = "The run and the pages do not fit"


def results() -> Path:
    """The results folder of the run that the site shows."""
    return Path(os.environ.get("JETCHAIN_RESULTS") or HOUSE / "results").resolve()


def require_run(_app: Sphinx) -> None:
    """Stop before any page is read where there is no finished run."""
    if not (results() / "reporting" / "overview.png").is_file():
        raise RunError(
            f"The pages show the figures of a finished run, and there is none in {results()}: "
            "run `make all` first, or name another run's folder of results with JETCHAIN_RESULTS."
        )


def file_of_run(name: str) -> Path:
    """A file of results/reporting."""
    path = results() / "reporting" / name
    if not path.is_file():
        raise RunError(f"A page shows {name}, which the run in {results()} has not made.")
    return path


@cache
def made_with(manifest: Path) -> tuple[Entries, Places]:
    """The run's artefacts, and where in the configuration the settings of its rules stand."""
    places = {name: rule["settings"] for name, rule in read_rules(manifest).items()}
    return read_manifest(manifest), places


def written_out(caption: Path, figure: Path) -> str:
    """A caption of the report, filled in with the settings that its figure was made with.

    Args:
        caption: its file.
        figure: file of the run.

    Raises:
        RunError: the run's manifest does not say them.
    """
    folder = results()
    name = str("results" / figure.relative_to(folder))
    try:
        artefacts, places = made_with(folder / MANIFEST.relative_to(RESULTS))
        values = settings_behind(name, artefacts, places)
        if compute(figure).sha256 != artefacts[name]["sha256"]:
            raise DataError(
                f"{figure} is not the file that the run's manifest describes.",
                "Finish the run with the same snakemake command, or remove the file first.",
            )
        template = jinja2.Environment(undefined=jinja2.StrictUndefined).from_string(
            caption.read_text(encoding="utf-8")
        )
        return template.render(snakemake={"config": values})
    except DataError as error:
        raise RunError(str(error)) from error
    except jinja2.UndefinedError as error:
        raise RunError(
            f"{caption.name} shows a setting that {name} does not depend on ({error.message}).\n"
            "Remedy: correct the caption; if it worked before, finish the run with this code."
        ) from error


class RunFigure(SphinxDirective):
    """A figure of the run: ``{run-figure} jets/jet_mass``, with the report's own caption.

    The content says in words what it shows, for those who do not see it; the option caption names
    the caption in workflow/report where that has another name than the figure.
    """

    required_arguments = 1
    has_content = True
    option_spec = {"caption": directives.unchanged_required}  # noqa: RUF012

    def run(self) -> list[nodes.Node]:
        """The figure."""
        name = self.arguments[0]
        if not self.content:
            raise self.error(f"run-figure {name}: say in words what the figure shows")
        source = file_of_run(f"{name}.png")
        page = Path(self.env.doc2path(self.env.docname))
        image = nodes.image(uri=os.path.relpath(source, page.parent), alt=" ".join(self.content))
        figure = nodes.figure("", image)
        caption = CAPTIONS / f"{self.options.get('caption', name.rpartition('/')[2])}.rst"
        text = publish_doctree(written_out(caption, source))
        first, *rest = [each for each in text.children if isinstance(each, nodes.paragraph)]
        figure += nodes.caption("", "", *first.children)
        if rest:
            figure += nodes.legend("", *rest)
        self.set_source_info(figure)
        return [figure]


class RunTable(SphinxDirective):
    """Rows of a CSV file of the run: ``{run-table} summary.csv``.

    The option columns names the columns shown; the option with keeps the rows that have something
    in a column.
    """

    required_arguments = 1
    option_spec = {  # noqa: RUF012
        "columns": directives.unchanged_required,
        "with": directives.unchanged_required,
    }

    def run(self) -> list[nodes.Node]:
        """The table."""
        with file_of_run(self.arguments[0]).open(newline="", encoding="utf-8") as lines:
            rows = list(csv.DictReader(lines))
        if "with" in self.options:
            rows = [row for row in rows if row[self.options["with"]]]
        names = [name.strip() for name in self.options["columns"].split(",")]
        lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
        lines += ["| " + " | ".join(_short(row[name]) for name in names) + " |" for row in rows]
        return self.parse_text_to_nodes("\n".join(lines))


def _short(text: str) -> str:
    """A number with four digits; anything else as it is."""
    try:
        return f"{float(text):.4g}"
    except ValueError:
        return text.replace("|", "\\|")


def execute(app: Sphinx, doctree: nodes.document) -> None:
    """Run the Python blocks of a page that asks for it, and show what they print.

    A page asks with `execute: true` in its front matter. Its blocks share one namespace and run in
    the folder that holds results/.
    """
    if not app.env.metadata[app.env.docname].get("execute"):
        return
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for block in list(doctree.findall(nodes.literal_block)):
        if block.get("language") != "python" or IS_FILE.match(block.astext()):
            continue
        printed = io.StringIO()
        with contextlib.chdir(results().parent), contextlib.redirect_stdout(printed):
            try:
                exec(compile(block.astext(), f"<{app.env.docname}>", "exec"), namespace)
            except Exception as error:
                raise RunError(
                    f"{app.env.docname}: this block fails ({type(error).__name__}: {error}):\n"
                    f"{block.astext()}"
                ) from error
        if printed.getvalue():
            output = nodes.literal_block(
                printed.getvalue(), printed.getvalue(), language="text", classes=["printed"]
            )
            block.parent.insert(block.parent.index(block) + 1, output)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives."""
    app.add_directive("run-figure", RunFigure)
    app.add_directive("run-table", RunTable)
    app.connect("builder-inited", require_run)
    app.connect("doctree-read", execute)
    return {"parallel_read_safe": False, "parallel_write_safe": True}
