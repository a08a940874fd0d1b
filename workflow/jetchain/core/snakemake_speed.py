"""Less overhead: ten of Snakemake's steps without the work that leads to nothing here.

Snakemake 9.27 spends a third of the time to plan 10,000 shards on questions that have one answer
for the whole plan, asked file by file. While jobs run, it hashes an input once for every output,
and wakes up once more a second for every job that has finished. Each function below gives the
answer of the one it replaces, or hands over to it where it cannot. `core.planning` leaves any other
version of Snakemake alone.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterable
from typing import Any

import snakemake.api  # noqa: F401  # before the modules below, which import each other
from snakemake.dag import DAG
from snakemake.io import IOCache, _IOFile
from snakemake.jobs import Job
from snakemake.persistence import PersistenceBase
from snakemake.scheduling.job_scheduler import JobScheduler
from snakemake.settings.types import Quietness

_snakemake_update_conda_envs = DAG.update_conda_envs
_snakemake_check_directory_outputs = DAG.check_directory_outputs
_snakemake_log_info = Job.log_info
_snakemake_checksum = _IOFile.checksum
_snakemake_serialize_param = PersistenceBase._serialize_param_pandas
_checksums: dict[tuple[Any, ...], str | None] = {}


def replace() -> None:
    """Replace the ten steps."""
    DAG.update_conda_envs = _update_conda_envs
    DAG.check_directory_outputs = _check_directory_outputs
    Job.is_valid = _is_valid
    Job.log_info = _log_info
    Job.output_mintime = property(_output_mintime)
    IOCache.mtime_inventory = _mtime_inventory
    _IOFile.is_storage = property(_is_storage)
    _IOFile.checksum = _checksum
    PersistenceBase._serialize_param_pandas = _serialize_param
    JobScheduler._schedule_reevalutation = _schedule_reevaluation


def _update_conda_envs(dag: Any) -> None:
    """The environments of the jobs: none where no rule names one, so no job need be asked."""
    if any(rule.conda_env for rule in dag.rules):
        _snakemake_update_conda_envs(dag)


def _check_directory_outputs(dag: Any) -> None:
    """No output lies inside another: compared as sets of names, not by sorting all the paths."""
    outputs = {os.path.abspath(path) for job in dag.jobs for path in job.output}
    above: set[str] = set()
    for folder in {os.path.dirname(path) for path in outputs}:
        while folder not in above:
            above.add(folder)
            folder = os.path.dirname(folder)
    if not outputs.isdisjoint(above):
        _snakemake_check_directory_outputs(dag)


def _is_valid(job: Any) -> None:
    """Benchmark and log can be filled in: the job keeps them, and does not make them twice."""
    _ = job.benchmark, job.log


def _log_info(job: Any, **how: Any) -> None:
    """The block of a job: in a dry run with ``--quiet rules`` nobody sees it, so it is not made."""
    workflow = job.dag.workflow
    if not workflow.dryrun or Quietness.RULES not in (workflow.output_settings.quiet or ()):
        _snakemake_log_info(job, **how)


async def _output_mintime(job: Any) -> float | None:
    """Time of the oldest output: asked in turn, not in a task of its own for every file."""
    benchmark = [job.benchmark] if job.benchmark else []
    times = [
        (await path.mtime()).local_or_storage()
        for path in [*job.output, *benchmark]
        if await path.exists()
    ]
    return min(times, default=None)


async def _mtime_inventory(cache: Any, jobs: Iterable[Any], n_workers: int = 8) -> None:
    """Times of all files that exist: an output is asked for once, not again for each reader."""
    seen = set()
    for job in jobs:
        benchmark = [job.benchmark] if job.benchmark else []
        for path in [*job.input, *job.output, *benchmark]:
            if path not in seen:
                seen.add(path)
                if not path.is_storage and path not in cache.mtime and await path.exists():
                    cache.mtime[path] = await cache.collect_mtime(path)


def _is_storage(path: Any) -> bool:
    """The file lies in remote storage: asked sixty times a job, so without a detour."""
    return bool(getattr(path._file, "flags", {}).get("storage_object"))


async def _checksum(
    path: Any, threshold: int | None = None, force: bool = False, algorithm: Any = None
) -> str | None:
    """Hash of a file: of one that nobody has written since, the hash that was found before."""
    if path.is_storage or not os.path.isfile(path):
        return await _snakemake_checksum(path, threshold, force, algorithm)
    file = os.stat(path)
    written = (file.st_ino, file.st_size, file.st_mtime_ns, file.st_ctime_ns)
    key = (str(path), written, threshold, force, algorithm)
    if key not in _checksums:
        _checksums[key] = await _snakemake_checksum(path, threshold, force, algorithm)
    return _checksums[key]


def _serialize_param(persistence: Any, value: Any) -> Any:
    """A param as text: it is no table of pandas where nobody has imported pandas."""
    if "pandas" in sys.modules:
        return _snakemake_serialize_param(persistence, value)
    return persistence._serialize_param_builtin(value)


def _schedule_reevaluation(scheduler: Any, delay: float) -> None:
    """Wake the scheduler after the delay: once, however many jobs have asked for it meanwhile."""
    asked = scheduler.__dict__.setdefault("_wake_ups", set())
    if delay in asked:
        return
    asked.add(delay)

    def wake_up() -> None:
        asked.discard(delay)
        scheduler._open_jobs.release()

    timer = threading.Timer(delay, wake_up)
    timer.daemon = True
    timer.start()
