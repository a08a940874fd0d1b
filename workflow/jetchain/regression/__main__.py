"""``python -m jetchain.regression <command>``: is the physics what it was?"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from jetchain.core.errors import DataError, JetchainError
from jetchain.regression.collect import collect
from jetchain.regression.compare import COMPATIBLE, MOVED, as_text, compare, sensitivity
from jetchain.regression.page import write_page
from jetchain.regression.power import with_power
from jetchain.regression.references import (
    FOLDER,
    SEEDS,
    read_references,
    renewed,
    write_references,
)
from jetchain.regression.seeds import require_alike, run_seeds, write_record
from jetchain.regression.spread import measure

TINY = Path(".tiny")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m jetchain.regression", description=__doc__)
    parser.add_argument("--run", type=Path, default=TINY, help="folder of a finished tiny run")
    parser.add_argument("--references", type=Path, default=FOLDER)
    commands = parser.add_subparsers(dest="command", required=True)
    comparing = commands.add_parser("compare", help="compare the run with the references")
    comparing.add_argument("--page", type=Path, default=Path("regression.html"))
    comparing.add_argument("--all", action="store_true", help="draw what is compatible too")
    commands.add_parser("renew", help="take the run as the reference, and say what changed")
    spread = commands.add_parser("spread", help="measure tolerances with other seeds")
    spread.add_argument("--seeds", type=int, default=20, help="how many")
    spread.add_argument("--cores", type=int, default=2)
    spread.add_argument(
        "--scratch", type=Path, default=Path(".seeds"), help="kept, and gone on from"
    )
    return parser


def _compare(arguments: argparse.Namespace) -> int:
    report = compare(read_references(arguments.references), collect(arguments.run / "results"))
    print(as_text(report), end="")
    moved = bool(report.of(MOVED))
    if moved or arguments.all:
        write_page(arguments.page, report, everything=arguments.all)
        print(f"Overlays, worst first: {arguments.page}")
    return int(moved)


def _renew(arguments: argparse.Namespace) -> int:
    run = collect(arguments.run / "results")
    try:
        old = read_references(arguments.references)
    except JetchainError:
        if any(arguments.references.glob("*.json")):
            raise  # damaged: nobody wants to lose the measured tolerances
        old = {}
    report = compare(old, run)
    write_references(with_power(renewed(run, old)), arguments.references)
    print(as_text(report, shown=1000), end="")
    for each in report.of(COMPATIBLE):
        print(f"  changed: {each.name}: {each.how}; p = {each.p:.2g}")
    print(f"Written to {arguments.references}; look at `git diff` and commit what is meant.")
    unknown = [name for name in run if name not in old]
    if unknown:
        print(
            f"{len(unknown)} quantities are new: `make spread` measures how far they move from "
            "seed to seed."
        )
    return 0


def _spread(arguments: argparse.Namespace) -> int:
    run = collect(arguments.run / "results")
    old = read_references(arguments.references)
    report = compare(old, run)
    if moved := report.of(MOVED):
        raise DataError(
            f"{arguments.run} is not the run of {arguments.references}: {len(moved)} quantities "
            f"moved, {moved[0].name} first.",
            "Look at `make compare`; if the change is meant, run `make references` first.",
        )
    references = renewed(run, old)
    folders = run_seeds(arguments.scratch, range(1, arguments.seeds + 1), arguments.cores)
    require_alike(arguments.run, folders)
    others = {seed: collect(folder / "results") for seed, folder in folders.items()}
    references, rows = measure(references, others, run)
    references = with_power(references)
    write_references(references, arguments.references)
    write_record(arguments.references / SEEDS, rows)
    alarms = sum(bool(row["alarms"]) for row in rows)
    print(f"{len(rows)} seeds, {alarms} with an alarm; tolerances are in {arguments.references}.")
    for line in sensitivity([each.tolerance for each in references.values()]):
        print(line)
    return int(alarms > 0)


def main(words: list[str]) -> int:
    """Run one command; the exit code is 1 where something moved."""
    arguments = _parser().parse_args(words)
    commands = {"compare": _compare, "renew": _renew, "spread": _spread}
    try:
        return commands[arguments.command](arguments)
    except JetchainError as error:
        print(f"jetchain {arguments.command}: {error}", file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
