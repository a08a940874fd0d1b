"""Snakemake's entry to the page. Every start of Snakemake imports it, so it imports little."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

from snakemake_interface_common.exceptions import WorkflowError
from snakemake_interface_report_plugins.reporter import ReporterBase
from snakemake_interface_report_plugins.settings import ReportSettingsBase

MEGABYTE = 1e6
TOO_LARGE = 30 * MEGABYTE


@dataclass
class ReportSettings(ReportSettingsBase):
    """Options on the command line: ``--report-jetchain-<name>``."""

    path: Path | None = field(
        default=None,
        # Snakemake's parser of options cannot read the type from the annotation.
        metadata={"help": "The page to write, .html.", "required": True, "type": Path},
    )


class Reporter(ReporterBase):
    """Is given the run, and writes the page."""

    def __post_init__(self) -> None:
        path = self.settings.path
        if path is None or path.suffix != ".html":
            raise WorkflowError("--report-jetchain-path: name a file that ends with .html.")

    def render(self) -> None:
        """Write the page, and say how large it is."""
        from jetchain.core.io.atomic import atomic
        from snakemake_report_plugin_jetchain.page import Page

        path = self.settings.path
        text = Page(self.dag, self.jobs, self.results, path).html()
        with atomic(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
        size = path.stat().st_size
        print(f"{path}: {size / MEGABYTE:.1f} MB", file=sys.stderr)
        if size > TOO_LARGE:
            print("That is more than 30 MB: it may open slowly.", file=sys.stderr)
