"""``python -m jetchain.provenance <command>``: what a finished run is, and taking it elsewhere."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from jetchain.core.errors import DataError, JetchainError, ResourceError
from jetchain.plumbing import checksums, costs
from jetchain.plumbing.provenance import carry, manifest
from jetchain.plumbing.provenance.adopt import adopt, forget
from jetchain.plumbing.provenance.cite import write_references
from jetchain.plumbing.provenance.crate import write_crate
from jetchain.plumbing.provenance.estimate import estimate
from jetchain.plumbing.provenance.explain import explain
from jetchain.plumbing.provenance.measure import measure
from jetchain.plumbing.provenance.slim import slim

_DIFFERENCES_SHOWN = 20


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m jetchain.provenance", description=__doc__)
    parser.add_argument("--directory", type=Path, default=Path(), help="the run's folder")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("manifest", help="write results/provenance/manifest.json of what is here")
    verify = commands.add_parser("verify", help="compare the files here with a manifest")
    verify.add_argument("manifest", type=Path, nargs="?", help="another run's; this one's if none")
    pack = commands.add_parser("pack", help="write the finished run into one archive")
    unpack = commands.add_parser(
        "unpack", help="continue a run from an archive, in a fresh clone or an empty folder"
    )
    for each in (pack, unpack):
        each.add_argument("archive", type=Path)
    pack.add_argument("--slim", action="store_true", help="without what `slim` removes")
    commands.add_parser("slim", help="remove what of the finished run nothing reads again")
    fork = commands.add_parser("fork", help="a second folder with this run, sharing its files")
    fork.add_argument("target", type=Path)
    commands.add_parser("crate", help="write results/ro-crate-metadata.json")
    commands.add_parser("cite", help="write results/provenance/references.bib: the run's papers")
    measured = commands.add_parser("costs", help="write resources/costs.csv from finished runs")
    measured.add_argument("runs", type=Path, nargs="+", help="folders; the first's are typical")
    adopted = commands.add_parser("adopt", help="take in a file of your own in a result's place")
    adopted.add_argument("result", type=Path, help="its place, results/<room>/...")
    adopted.add_argument("source", type=Path, nargs="?", help="your file, copied there")
    commands.add_parser("forget", help="remove results that nobody knows how they were made")
    for name, text in (
        ("explain", "which jobs would run, and why; takes snakemake's arguments"),
        ("estimate", "what a configuration takes in all; takes snakemake's arguments"),
    ):
        commands.add_parser(name, help=text)
    return parser


def _run(arguments: argparse.Namespace, for_snakemake: list[str]) -> int:
    match arguments.command:
        case "manifest":
            print(f"{manifest.MANIFEST}: {manifest.write_manifest()} artefacts")
        case "verify":
            return _verify(arguments.manifest or manifest.MANIFEST)
        case "pack":
            print(
                f"{arguments.archive}: {carry.pack(arguments.archive, slim=arguments.slim)} files"
            )
        case "unpack":
            print(f"{carry.unpack(arguments.archive)} artefacts, each as its manifest says")
        case "fork":
            print(f"{arguments.target}: {carry.fork(arguments.target)} artefacts")
        case "crate":
            print(write_crate())
        case "cite":
            print(write_references())
        case "adopt":
            for path in adopt(arguments.result, arguments.source):
                print(f"{path}: taken in")
        case "forget":
            for path in forget():
                print(f"{path}: removed")
        case "explain":
            print(explain(for_snakemake), end="")
        case "estimate":
            print(estimate(for_snakemake), end="")
        case "slim":
            number, size = slim()
            print(f"{number} files removed, {size / 1e9:.2f} GB")
        case "costs":
            lines = measure(arguments.runs)
            costs.write(costs.TABLE, lines)
            print(f"{costs.TABLE}: {len(lines)} lines")
    return 0


def _verify(path: Path) -> int:
    differences, extra, number = manifest.verify(path)
    if extra:
        print(f"{len(extra)} artefacts are here that {path} does not know: not compared.")
    if not differences:
        print(f"All {number} artefacts of {path} are here with the same content.")
        return 0
    first = [each for each in differences if each.first]
    print(f"{len(differences)} of {number} artefacts differ from {path}; first of all:")
    for each in first[:_DIFFERENCES_SHOWN]:
        print(f"  {each.path}: {each.how}")
    if len(first) > _DIFFERENCES_SHOWN:
        print(f"  ... and {len(first) - _DIFFERENCES_SHOWN} more")
    if len(differences) > len(first):
        print(f"and {len(differences) - len(first)} made from them.")
    return 1


def _from_here(path: Path) -> Path:
    """A path as it is meant where the command is called; some shells leave ~ to the program."""
    try:
        return path.expanduser().absolute()
    except RuntimeError:  # of nobody's home
        return path.absolute()


def main(words: list[str]) -> int:
    """Run one command; the exit code is 1 where `verify` finds a difference."""
    parser = _parser()
    arguments, rest = parser.parse_known_args(words)
    for_snakemake = arguments.command in ("explain", "estimate")
    if rest and not for_snakemake:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    # Paths that the user gave are meant from where the command was called.
    for name in ("archive", "target", "source", "manifest"):
        if path := getattr(arguments, name, None):
            setattr(arguments, name, _from_here(path))
    if arguments.command == "costs":
        arguments.runs = [*map(_from_here, arguments.runs)]
    try:
        if not for_snakemake:
            os.chdir(arguments.directory)
            elsewhere = arguments.command in ("unpack", "costs")
            if not elsewhere and not checksums.RESULTS.is_dir():
                raise DataError(f"{Path().absolute()}: no results here.", "Name the run's folder.")
        elif arguments.directory != Path():
            rest += ["--directory", str(arguments.directory)]
        return _run(arguments, rest)
    except JetchainError as error:
        print(f"jetchain {arguments.command}: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        failure = ResourceError(f"{error}.", "Make room or correct the path, then call it again.")
        print(f"jetchain {arguments.command}: {failure}", file=sys.stderr)
        return failure.exit_code
