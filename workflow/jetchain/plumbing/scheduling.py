"""What each job asks for, and whether the machine has it: memory, time, disk, GPUs, groups.

Everything follows from the table of costs (`jetchain.plumbing.costs`), so a rule states nothing of
it. What a user sets on the command line or in a profile comes first.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from jetchain.core.errors import ResourceError
from jetchain.plumbing import checksums, costs, machine
from jetchain.plumbing.costs import Cost, Counter, Events
from jetchain.plumbing.rules import BOOK, signed

_MEMORY_MARGIN = 1.25
_TIME_MARGIN = 3.0  # other processors, shared disks
_START_MINUTES = 5.0  # to compile what numba has not compiled on this node
_NODE_MB = 800  # Snakemake starts itself twice on a node, once for the batch job and once in it
_DISK_MB = 500

GROUPS = {
    "generate_sample": "generate",
    "simulate_detector": "simulate",
    "simulate_passing": "simulate",
    "untrained_particleflow": "reconstruct",
    "cluster_jets": "jets",
    "jet_graphs": "jets",
    "tagging_features": "jets",
}
"""Short jobs of which a batch system gets several at once: group-components of a profile.

Jobs of a group follow each other directly or not at all, for calibrations read shards of all steps.
"""
_FIGURES = "figures"
# What HTCondor's plugin calls them.
_HTCONDOR = {
    "htcondor_request_mem_mb": "mem_mb",
    "htcondor_request_disk_mb": "disk_mb",
    "request_gpus": "gpu",
}


class Work(NamedTuple):
    """What the table says of a job: its line, the events that it reads, its time on one core, s."""

    cost: Cost
    events: Events
    seconds: float


EXPECTED: dict[str, dict[int, float]] = {}
"""The seconds that each job of this run should take: by rule, by Snakemake's number of the job."""


class Planner:
    """What the jobs of a workflow ask for.

    Args:
        workflow: Snakemake's, with all its rules.
        configuration: the validated configuration as plain builtins.
    """

    def __init__(self, workflow: Any, configuration: Mapping[str, Any]) -> None:
        self._workflow = workflow
        self._configuration = configuration
        # What executor runs the jobs is not known yet. One for a batch system is told a number of
        # jobs, the local one a number of cores.
        self._local = workflow.resource_settings.nodes is None
        self._producers: dict[str, Any] = {}
        self._counter = Counter(generated_events(configuration), self._inputs)
        self._costs = costs.read()
        self._works: dict[tuple[Any, ...], Work] = {}
        self._extent = cache(self._measure)

    def state(self) -> None:
        """Give every rule its resources, and on a batch system its group."""
        chosen = self._workflow.resource_settings._parsed_overwrite_resources
        asked: dict[str, Callable[..., int | None]] = {
            "mem_mb": self._asked(self._memory_mb),
            "runtime": self._asked(self._runtime),
            "disk_mb": self._asked(self._disk_mb),
        }
        for rule in self._workflow.rules:
            if rule.name not in BOOK:
                continue  # a target
            own = asked | ({"gpu": self._gpu} if self._may_use_gpu(rule.name) else {})
            if not self._local:
                own |= {name: own[known] for name, known in _HTCONDOR.items() if known in own}
            # Snakemake's own default is evaluated as text for each job, to the same folder.
            if self._local and getattr(rule.resources.get("tmpdir"), "raw", "") == "system_tmpdir":
                rule.resources["tmpdir"] = tempfile.gettempdir()
            for name, value in own.items():
                if name not in chosen.get(rule.name, {}):
                    rule.resources[name] = value
            figure = _FIGURES if BOOK[rule.name].room == "reporting" else None
            group = GROUPS.get(rule.name, figure)
            if group and not self._local:
                rule.group = group
                rule.resources["turn"] = 1  # the jobs of a group take turns: see the profiles

    def limit_memory(self) -> None:
        """Let the jobs that run at once on this machine ask for no more memory than it has."""
        limits = self._workflow.global_resources
        if self._local and "mem_mb" not in limits:
            limits["mem_mb"] = machine.memory_mb()

    def require_room(self) -> None:
        """Refuse to start what the machine has no memory or disk for.

        Raises:
            ResourceError: with what is needed, what there is and what to do.
        """
        jobs = [job for job in self._workflow.dag.needrun_jobs() if job.rule.name in BOOK]
        limits = self._workflow.global_resources
        if self._local and jobs:
            require_memory(
                [(self.cost(job).memory(self.events(job)), job.rule.name) for job in jobs],
                limits["mem_mb"].value,
            )
        given = limits["disk_mb"].value if "disk_mb" in limits else None
        require_disk(
            sum(self.kept_mb(job) for job in jobs),
            machine.disk_mb(results_folder()) if given is None else given,
            lambda: sum(_size_mb(path) for job in jobs for path in job.output),
        )

    def verbs(self) -> list[str]:
        """The verbs of the jobs that will run on this machine, one for each job."""
        jobs = self._workflow.dag.needrun_jobs() if self._local else []
        return [BOOK[job.rule.name].verb for job in jobs if job.rule.name in BOOK]

    def expect(self) -> None:
        """Fill `EXPECTED`, from which the display of the run knows the time left."""
        EXPECTED.clear()
        for job in self._workflow.dag.needrun_jobs():
            if job.rule.name in BOOK:
                EXPECTED.setdefault(job.rule.name, {})[job.jobid] = self.seconds(job)

    def cost(self, job: Any) -> Cost:
        """The line of the table for a job."""
        return self._work_of(job).cost

    def events(self, job: Any) -> Events:
        """The events that a job reads."""
        return self._work_of(job).events

    def seconds(self, job: Any) -> float:
        """The time that a job takes on one core, s."""
        return self._work_of(job).seconds

    def gpu(self, job: Any) -> bool:
        """Whether a job runs on a GPU."""
        return self._gpu(job.wildcards_dict, job.rule.name) is not None

    def kept_mb(self, job: Any) -> float:
        """What a job leaves on the disk, MB: files that are removed during the run do not count."""
        return 0.0 if any(job.temp_output) else self.cost(job).output(self.events(job))

    def _inputs(self, path: str) -> list[str]:
        if not self._producers:
            self._producers = {str(f): job for job in self._workflow.dag.jobs for f in job.output}
        job = self._producers.get(path)
        return [str(each) for each in job.input] if job else []

    def _work_of(self, job: Any) -> Work:
        return self._work(job.rule.name, job.wildcards_dict, job.input)

    def _work(self, rulename: str, wildcards: Any, input: Any) -> Work:
        # Asked for several times a job; the rule and its wildcards say which job it is.
        job = (rulename, *wildcards.items())
        if job not in self._works:
            sample, shard = wildcards.get("sample", ""), wildcards.get("shard", "")
            # Only what shard it is, if any, counts in the name of an output.
            own = f"results/{sample}/{shard}.root" if shard else ""
            repeats, most = self._extent(rulename, *self._places(rulename, wildcards))
            events = self._counter.of_job(own, [str(path) for path in input], most)
            cost = self._costs.find(rulename, sample)
            self._works[job] = Work(cost, events, cost.time(events, repeats))
        return self._works[job]

    def _measure(self, rulename: str, *places: str) -> tuple[float, int | None]:
        """How often the settings at these places repeat a job's work, and on how many events."""
        settings = self._settings(rulename, places)
        return costs.repeats(settings), costs.most_events(settings)

    def _asked(self, amount: Callable[[Work, int], int]) -> Callable[..., int]:
        """A resource as Snakemake asks for it: from a job's work and the number of the try."""

        def resource(wildcards: Any, input: Any, attempt: int, rulename: str) -> int:
            return amount(self._work(rulename, wildcards, input), attempt)

        return signed(resource)

    def _memory_mb(self, work: Work, attempt: int) -> int:
        around = 0 if self._local else _NODE_MB
        return _rounded(attempt * _MEMORY_MARGIN * work.cost.memory(work.events) + around, 100)

    def _runtime(self, work: Work, attempt: int) -> int:
        return math.ceil(attempt * (_START_MINUTES + _TIME_MARGIN * work.seconds / 60))

    def _disk_mb(self, work: Work, attempt: int) -> int:
        return _rounded(attempt * 2 * work.cost.output(work.events) + _DISK_MB, 100)

    def _may_use_gpu(self, rulename: str) -> bool:
        places = BOOK[rulename].settings.values()
        return any("{" in place or wants_gpu(self._section(place)) for place in places)

    def _gpu(self, wildcards: Any, rulename: str) -> int | None:
        places = self._places(rulename, wildcards)
        return 1 if wants_gpu(self._settings(rulename, places)) else None

    def _places(self, rulename: str, wildcards: Any) -> list[str]:
        """Where the settings of a job stand, as its rule names them."""
        return [place.format_map(wildcards) for place in BOOK[rulename].settings.values()]

    def _settings(self, rulename: str, places: Sequence[str]) -> dict[str, Any]:
        return dict(zip(BOOK[rulename].settings, map(self._section, places), strict=True))

    def _section(self, place: str) -> Any:
        """What stands at a place of the configuration; nothing where a wildcard is in the way."""
        section: Any = self._configuration
        for part in place.split("."):
            section = section.get(part) if isinstance(section, Mapping) else None
        return section


def wants_gpu(settings: Any) -> bool:
    """Whether a training of these settings runs on a GPU, and nowhere else."""
    if not isinstance(settings, Mapping):
        return False
    return settings.get("device") == "cuda" or any(map(wants_gpu, settings.values()))


def generated_events(configuration: Mapping[str, Any]) -> dict[str, int]:
    """Events of one shard of every sample that Pythia generates."""
    samples = configuration["generate"]["samples"]
    return {
        name: sample["generation"]["events"]
        for name, sample in samples.items()
        if not sample.get("source")
    }


def require_memory(needed: Sequence[tuple[float, str]], available: float) -> None:
    """Refuse jobs of which one alone takes more memory than there is.

    Args:
        needed: what each job takes, MB, and its rule.
        available: MB.

    Raises:
        ResourceError: one does.
    """
    most, rule = max(needed)
    if most > available:
        raise ResourceError(
            f"A job of the rule {rule} takes {_amount(most)} of memory, and "
            f"{_amount(available)} are free here.",
            "Close other programs, or run where there is more; smaller shards (generation.events "
            "of generate.samples.<name>) take less. If you know better, say how much there is: "
            f"--resources mem_mb={_rounded(most, 100)}",
        )


def results_folder() -> Path:
    """Where results go: their folder, which may be a link to another disk, or that of the run."""
    return checksums.RESULTS if checksums.RESULTS.is_dir() else Path()


def require_disk(needed: float, available: float, replaced: Callable[[], float]) -> None:
    """Refuse a run that would fill the disk.

    Args:
        needed: what the run leaves, MB.
        available: free disk, MB.
        replaced: gives what of it takes the place of files that are there, MB.

    Raises:
        ResourceError: it would.
    """
    if needed > available and needed - replaced() > available:
        raise ResourceError(
            f"The results of this run take {_amount(needed)}, and {_amount(available)} are free "
            f"where they go, {results_folder().resolve()}.",
            "Free some, or run in a folder on a larger disk (--directory). `make slim` removes "
            "what of finished results nothing reads again. If you know better, say how much "
            f"there is: --resources disk_mb={_rounded(needed, 100)}",
        )


def _size_mb(path: Any) -> float:
    file = Path(str(path))
    return file.stat().st_size / 1e6 if file.exists() else 0.0


def _amount(megabytes: float) -> str:
    return f"{megabytes / 1000:.1f} GB" if megabytes >= 1000 else f"{megabytes:.0f} MB"


def _rounded(value: float, step: int) -> int:
    return step * math.ceil(value / step)
