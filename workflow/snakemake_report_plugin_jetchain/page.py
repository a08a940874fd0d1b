"""The page: what Snakemake knows of a run, put together for the template."""

from __future__ import annotations

import json
import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from snakemake_interface_common.exceptions import WorkflowError
from snakemake_interface_report_plugins.interfaces import (
    CategoryInterface,
    FileRecordInterface,
    JobRecordInterface,
)

from jetchain.core.progress import duration
from jetchain.plumbing.provenance.artefacts import read_artefacts
from jetchain.plumbing.provenance.manifest import MANIFEST
from snakemake_logger_plugin_jetchain.account import rooms_of_rules
from snakemake_report_plugin_jetchain import front, names, numbers, rooms, samples, usage
from snakemake_report_plugin_jetchain.contents import contents
from snakemake_report_plugin_jetchain.drawing import draw_rooms, draw_rules
from snakemake_report_plugin_jetchain.origin import origin
from snakemake_report_plugin_jetchain.results import Result, arrange, read_result


@dataclass(frozen=True)
class RoomOnPage:
    """A room with its figures and tables."""

    room: rooms.Room
    figures: list[tuple[str, Result]]
    tables: list[Result]


def breakable(path: str) -> Markup:
    """A long path as HTML that may break after its dots, slashes and underscores."""
    return Markup(re.sub(r"([./_])", r"\1<wbr>", str(escape(path))))


class Page:
    """The page of one run.

    Args:
        dag: Snakemake's; more of it is used than the interface of its plugins promises.
        jobs: what Snakemake kept of the jobs.
        results: the figures and tables, by category and subcategory.
        path: where the page will be.
    """

    def __init__(
        self,
        dag: Any,
        jobs: Iterable[JobRecordInterface],
        results: Mapping[CategoryInterface, Mapping[CategoryInterface, list[FileRecordInterface]]],
        path: Path,
    ) -> None:
        self._dag, self._workflow = dag, dag.workflow
        names.learn(json.loads(self._workflow.globals["rules_of"].labels("tagging.models")))
        self._folder = path.absolute().parent
        self._records = [
            record
            for subcategories in results.values()
            for members in subcategories.values()
            for record in members
        ]
        snakefile = Path(self._workflow.main_snakefile)
        self._house = snakefile.parent
        self._room_of = rooms_of_rules()
        self._jobs_of_rule = Counter(job.rule.name for job in dag.jobs if job.output)
        self._seconds = {
            str(output): job.endtime - job.starttime for job in jobs for output in job.output
        }
        self._artefacts = {
            path: each for path, each in read_artefacts().items() if path in self._seconds
        }

    def html(self) -> str:
        """The page as text.

        Raises:
            WorkflowError: there is nothing to show.
        """
        if not self._records:
            raise WorkflowError("There are no figures yet to report on. Run `make all` first.")
        environment = Environment(
            loader=PackageLoader("snakemake_report_plugin_jetchain", "template"),
            autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined,
        )  # fmt: skip
        environment.filters |= {
            "duration": duration,
            "counted": numbers.counted,
            "breakable": breakable,
            "papers": names.papers,
        }
        return environment.get_template("report.html.jinja2").render(self._content())

    def _content(self) -> dict[str, Any]:
        """All that the template shows."""
        parents = {path: each.parents for path, each in self._artefacts.items()}
        made_from = samples.Samples(parents)
        order = {rule: place for place, rule in enumerate(self._room_of)}
        results = [
            read_result(
                record,
                seconds=self._seconds.get(str(record.path)),
                contents=contents(record.path, parents.get(str(record.path), ())),
                sources=made_from.above(str(record.path)),
                link=self._link,
            )
            for record in sorted(
                self._records,
                key=lambda record: (order.get(record.job.rule.name, len(order)), str(record.path)),
            )
        ]
        found = front.read_numbers()
        everything = {source.sample: source for each in results for source in each.sources}
        edges = self._edges()
        by_room = self._rooms(results)
        outdated = [job for job in self._dag.needrun_jobs() if job.output]
        artefacts = self._artefacts.values()
        return {
            "headlines": front.headlines(results),
            "story": front.story(list(everything.values()), found),
            "key_numbers": front.key_numbers(found),
            "all_numbers": next((each.id for each in results if each.path == front.SUMMARY), ""),
            "rooms": by_room,
            "shown": {each.room.name for each in by_room},
            "missing": self._missing(),
            "outdated": len(outdated),
            "usage": usage.by_room(usage.jobs_of(artefacts).values(), self._room_of),
            "titles": {room: rooms.title(room).title for room in self._room_of.values()},
            "room_graph": self._room_graph(edges),
            "rule_graph": draw_rules(self._ordered_rules(), edges, self._room_of),
            "rules": len(self._ordered_rules()),
            "origin": origin(self._workflow.config, artefacts, self._house),
            "manifest": self._link(MANIFEST),
            "traced_to": samples.summary,
            "in_the_text": samples.IN_THE_TEXT,
        }

    def _link(self, path: Path) -> str:
        """The way from the page to a file of the run."""
        return Path(os.path.relpath(path, self._folder)).as_posix()

    def _rooms(self, results: list[Result]) -> list[RoomOnPage]:
        """What is shown of each room, in the order of the chain; first that of the whole chain."""
        inside: dict[str, list[Result]] = defaultdict(list)
        for each in results:
            inside[rooms.room_of(each.path)].append(each)
        return [
            RoomOnPage(
                room,
                arrange([each for each in inside[room.name] if not each.header]),
                [each for each in inside[room.name] if each.header],
            )
            for room in rooms.in_order(inside, self._room_of.values())
        ]

    def _missing(self) -> list[str]:
        """What the whole chain would have left, and is not there."""
        targets = self._workflow.globals["TARGETS"]
        return [path for members in targets.values() for path in members if not Path(path).exists()]

    def _ordered_rules(self) -> dict[str, int]:
        """Number of jobs of each rule, in the order of the rules."""
        number = self._jobs_of_rule
        return {rule: number[rule] for rule in self._room_of if number[rule]}

    def _edges(self) -> set[tuple[str, str]]:
        """From the rules that make files to those that read them."""
        return {
            (above.rule.name, job.rule.name)
            for job, needed in self._dag.dependencies.items()
            for above in needed
            if {above.rule.name, job.rule.name} <= self._room_of.keys()
            and above.rule.name != job.rule.name
        }

    def _room_graph(self, edges: set[tuple[str, str]]) -> str:
        """The rooms; that of the figures reads from all others, which no arrow has to say."""
        jobs: Counter[str] = Counter()
        for rule, number in self._ordered_rules().items():
            jobs[self._room_of[rule]] += number
        shown = {room: rooms.title(room).title for room in jobs if room != rooms.REPORTING.name}
        between = {(self._room_of[above], self._room_of[rule]) for above, rule in edges}
        return draw_rooms(shown, jobs, between)
