"""A HEPData submission of the searches: likelihoods, limits, yields and efficiencies.

hepdata_lib writes the tables and hepdata-validator checks the whole, offline. The archive is packed
here, since the library's own holds times: equal results give equal bytes.

Reference: https://hepdata-submission.readthedocs.io.
"""

from __future__ import annotations

import contextlib
import gzip
import importlib
import io
import shutil
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jetchain.core.errors import DataError, ToolError
from jetchain.core.io.atomic import atomic
from jetchain.core.io.tables import read_json, read_result
from jetchain.core.schema.background import SearchYields
from jetchain.core.schema.inference import Limits
from jetchain.core.schema.tagging import TaggingSummary
from jetchain.core.verbs import Input, Inputs, Output

SIMULATION = "Simulation by jetchain, no data of an experiment."
KEYWORDS = {"reactions": ["P P --> X"], "cmenergies": [13000.0], "phrases": ["simulation"]}
ESTIMATE, SIMULATED = "estimate from data", "simulation statistics"
"""What the uncertainties of yields are; those of the norm and the shape are in the likelihoods."""
REMEDY = "Run the target publication again; if it fails again, report it with this message."


def hepdata(
    *, workspaces: Inputs, yields: Inputs, limits: Inputs, summary: Input, patchsets: Inputs,
    submission: Output,
) -> None:  # fmt: skip
    """Write the submission as one archive, which hepdata-validator has accepted.

    Args:
        workspaces, yields, limits: of the searches, in the same order.
        summary: of the tagging data set, whose cutflow is a table.
        patchsets: patch sets of these workspaces, each after the workspace without signal that it
            is for; may be none.
        submission: a gzipped tar file.

    Raises:
        ToolError: hepdata_lib is not installed.
        DataError: the validator refuses the submission.
    """
    try:
        # By name: a digest asks for the version of what is imported, and the lock lacks this.
        hepdata_lib = importlib.import_module("hepdata_lib")
    except ImportError as error:
        raise ToolError(
            f"No HEPData submission can be written ({error}).",
            "Install what envs/publication.txt lists: docs/howto/publish.md says how.",
        ) from error
    made = hepdata_lib.Submission()
    made.comment = f"{SIMULATION} Searches for a resonance in dijets: limits and likelihoods."
    found = [read_result(path, Limits) for path in limits]
    counts = [read_result(path, SearchYields) for path in yields]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path, each in zip(workspaces, found, strict=True):
            if read_json(path).get("sensitive") is False:
                continue  # a search without sensitivity has no likelihood
            _attach(made, folder, (path, f"{each.method}_workspace.json"), "Likelihood")
        for path in patchsets:
            given = read_json(path)
            if given.get("sensitive") is not False:
                what = "Patch set" if "patches" in given else "Likelihood without signal"
                _attach(made, folder, (path, f"{path.parent.name}_{path.name}"), what)
        for table in (
            limit_table(hepdata_lib, found),
            efficiency_table(hepdata_lib, counts),
            *(yield_table(hepdata_lib, each) for each in counts),
            cutflow_table(hepdata_lib, read_result(summary, TaggingSummary)),
        ):
            if table is not None:
                table.keywords = KEYWORDS
                made.add_table(table)
        # The library writes an archive of its own where it stands, and says what it copies.
        out = folder / "out"
        with contextlib.chdir(folder), contextlib.redirect_stdout(io.StringIO()):
            made.create_files(str(out), validate=False)
        require_valid(out)
        with atomic(submission) as temporary:
            pack(out, temporary)


def _attach(made: Any, folder: Path, file: tuple[Path, str], what: str) -> None:
    path, name = file
    shutil.copyfile(path, folder / name)
    made.add_additional_resource(
        f"{what} in pyhf's JSON, {name}", str(folder / name), copy_file=True,
        file_type="HistFactory",
    )  # fmt: skip


def limit_table(lib: Any, rows: Sequence[Limits]) -> Any:
    """Observed and expected limits; None if no search has one on the cross-section."""
    shown = [row for row in rows if row.observed_fb is not None and None not in row.expected_fb]
    if not shown:
        return None
    table = lib.Table("Upper limits")
    without = [row.method for row in rows if row not in shown]
    table.description = f"{SIMULATION} CLs upper limits on the signal's cross-section." + (
        f" Without a limit: {', '.join(without)}." if without else ""
    )
    table.location = "Figure limits"
    table.add_variable(_variable(lib, "Search", [row.method for row in shown], independent=True))
    level = f"{100 * (1 - shown[0].level):g}%"
    observed = _variable(
        lib, "Observed upper limit", [row.observed_fb for row in shown], units="FB"
    )
    expected = _variable(
        lib, "Expected upper limit", [row.expected_fb[2] for row in shown], units="FB"
    )
    for sigma, low, high in ((1, 1, 3), (2, 0, 4)):
        band = lib.Uncertainty(f"{sigma} sigma", is_symmetric=False)
        bands = np.array([row.expected_fb for row in shown], float)
        band.values = (bands[:, [low, high]] - bands[:, [2]]).tolist()
        expected.add_uncertainty(band)
    for each in (observed, expected):
        each.add_qualifier("CL", level)
        table.add_variable(each)
    return table


def yield_table(lib: Any, counts: SearchYields) -> Any:
    """Observed, background and signal events in the bins of a search."""
    table = lib.Table(f"Yields {counts.method}")
    table.description = (
        f"{SIMULATION} Events of the search '{counts.method}'; the signal is that of "
        f"{counts.reference_cross_section_fb:.4g} fb, net of what the background takes from it."
    )
    table.location = "Results"
    table.add_variable(_variable(lib, "Bin", [each.name for each in counts.bins], independent=True))
    observed = _variable(lib, "Observed events", [each.observed for each in counts.bins])
    background = _variable(lib, "Background events", [each.background for each in counts.bins])
    signal = _variable(lib, "Signal events", [each.signal for each in counts.bins])
    for variable, what, errors in (
        (background, ESTIMATE, [each.background_uncertainty for each in counts.bins]),
        (signal, SIMULATED, [each.signal_uncertainty for each in counts.bins]),
    ):
        uncertainty = lib.Uncertainty(what)
        uncertainty.values = errors
        variable.add_uncertainty(uncertainty)
    for each in (observed, background, signal):
        each.add_qualifier("LUMINOSITY", f"{counts.luminosity_fb:.4g}", "FB-1")
        table.add_variable(each)
    return table


def efficiency_table(lib: Any, counts: Sequence[SearchYields]) -> Any:
    """The share of the signal's events that is counted, with acceptance."""
    table = lib.Table("Signal efficiency")
    table.description = (
        f"{SIMULATION} Acceptance times efficiency for the signal in all bins (of the ABCD method, "
        "in A), net of what the background takes from it."
    )
    table.location = "Results"
    own = [each.bins[:1] if each.constraint == "abcd" else each.bins for each in counts]
    produced = [each.luminosity_fb * each.reference_cross_section_fb for each in counts]
    pairs = list(zip(own, produced, strict=True))
    table.add_variable(_variable(lib, "Search", [each.method for each in counts], independent=True))
    efficiency = _variable(
        lib, "Efficiency", [sum(each.signal for each in bins) / all_ for bins, all_ in pairs]
    )
    error = lib.Uncertainty(SIMULATED)
    # Bins of one search share what makes their signal uncertain: added linearly.
    error.values = [sum(each.signal_uncertainty for each in bins) / all_ for bins, all_ in pairs]
    efficiency.add_uncertainty(error)
    table.add_variable(efficiency)
    return table


def cutflow_table(lib: Any, summary: TaggingSummary) -> Any:
    """Jets of each class after each cut of the taggers' data set."""
    table = lib.Table("Cutflow of the tagged jets")
    table.description = f"{SIMULATION} Jets of each class for training and test of the taggers."
    table.location = "Data set"
    table.add_variable(_variable(lib, "Class", summary.classes, independent=True))
    for name, field in (
        ("Jets", "jets"),
        ("With the truth label", "labelled"),
        ("In the window of pT", "in_pt_window"),
        ("Kept", "kept"),
        ("Test jets", "test"),
    ):
        values = [getattr(summary.cutflow[each], field) for each in summary.classes]
        table.add_variable(_variable(lib, name, values))
    return table


def _variable(
    lib: Any, name: str, values: Sequence[Any], *, units: str = "", independent: bool = False
) -> Any:
    return lib.Variable(
        name, is_independent=independent, is_binned=False, units=units, values=list(values),
        zero_uncertainties_warning=False,
    )  # fmt: skip


def require_valid(folder: Path) -> None:
    """Raise `DataError` where hepdata-validator refuses a submission in a folder."""
    module = importlib.import_module("hepdata_validator.full_submission_validator")
    validator = module.FullSubmissionValidator()
    if not validator.validate(directory=str(folder)):
        messages = [
            f"{Path(name).name}: {each.message}"
            for name, errors in validator.get_messages().items()
            for each in errors
        ]
        raise DataError(f"hepdata-validator refuses the submission: {messages[0]}.", REMEDY)


def pack(folder: Path, path: Path) -> None:
    """The files of a folder as a gzipped tar file without times and owners, by name."""
    with (
        path.open("wb") as file,
        gzip.GzipFile("", "wb", fileobj=file, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.USTAR_FORMAT) as tar,
    ):
        for each in sorted(folder.iterdir()):
            member = tarfile.TarInfo(each.name)
            member.size, member.mode = each.stat().st_size, 0o644
            with each.open("rb") as content:
                tar.addfile(member, content)
