"""What is published: HS3 beside pyhf and pyhs3, tables, and a HEPData submission."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import tarfile
from pathlib import Path

import numpy as np
import pytest

from jetchain.core.errors import DataError, ToolError
from jetchain.core.io.tables import read_json, write_json, write_result
from jetchain.core.schema.background import CountingBin, SearchYields
from jetchain.core.schema.inference import Limits
from jetchain.core.schema.tagging import ClassCutflow, TaggingSummary
from jetchain.inference.publication import hepdata, hs3, tables
from jetchain.inference.workspace import numpy_backend


def spec() -> dict:
    """Two channels with every modifier that HS3 can say."""
    norm = {"name": "mu", "type": "normfactor", "data": None}
    trigger = {"name": "trigger", "type": "normsys", "data": {"hi": 1.15, "lo": 0.93}}
    scale = {
        "name": "scale", "type": "histosys",
        "data": {"hi_data": [55.0, 42.0], "lo_data": [46.0, 37.0]},
    }  # fmt: skip
    other = {
        "name": "shape", "type": "histosys",
        "data": {"hi_data": [51.0, 44.0], "lo_data": [48.0, 38.5]},
    }  # fmt: skip
    return {
        "version": "1.0.0",
        "channels": [
            {"name": "SR", "samples": [
                {"name": "signal", "data": [5.0, 9.0], "modifiers": [norm, trigger,
                 {"name": "mc_SR", "type": "staterror", "data": [0.7, 1.1]}]},
                {"name": "background", "data": [50.0, 40.0], "modifiers": [scale, other, trigger,
                 {"name": "mc_SR", "type": "staterror", "data": [3.0, 2.0]}]},
            ]},
            {"name": "CR", "samples": [
                {"name": "counted", "data": [90.0, 30.0], "modifiers": [
                    {"name": "control", "type": "shapesys", "data": [9.0, 6.0]}, trigger,
                    {"name": "free", "type": "normfactor", "data": None}]},
                {"name": "fitted", "data": [4.0, 3.0], "modifiers": [
                    {"name": "bins", "type": "shapefactor", "data": None}]},
            ]},
        ],
        "observations": [{"name": "CR", "data": [97, 30]}, {"name": "SR", "data": [58.0, 46.0]}],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": [
            {"name": "mu", "inits": [1.0], "bounds": [[0.0, 30.0]]},
            {"name": "free", "inits": [1.1], "fixed": True}]}}],
    }  # fmt: skip


def points(model, many: int, seed: int = 3) -> list[dict[str, float]]:
    """Random parameters in reach of their constraints, by name; what is held stays."""
    random = np.random.default_rng(seed)
    centre = np.array(model.config.suggested_init())
    reach = np.where(model.config.suggested_fixed(), 0.0, np.where(centre, 0.4, 1.6))
    moved = centre + reach * random.uniform(-1.0, 1.4, (many, len(centre)))
    return [dict(zip(model.config.par_names, row, strict=True)) for row in moved.tolist()]


def test_hs3_names_each_parameter_once_with_its_range_and_start() -> None:
    found = hs3.convert(spec())
    with numpy_backend() as pyhf:
        names = set(pyhf.Workspace(spec()).model().config.par_names)
    (point,) = found["parameter_points"]
    assert {each["name"] for each in point["parameters"]} == names
    assert {each["name"] for each in found["domains"][0]["axes"]} == names
    values = {each["name"]: each for each in point["parameters"]}
    assert (values["free"]["value"], values["free"]["const"]) == (1.1, True)
    ranges = {each["name"]: (each["min"], each["max"]) for each in found["domains"][0]["axes"]}
    assert ranges["mu"] == (0.0, 30.0)
    assert {each["name"]: each["contents"] for each in found["data"]} == {
        "observed_SR": [58.0, 46.0], "observed_CR": [97.0, 30.0],
    }  # fmt: skip
    assert found["analyses"][0]["parameters_of_interest"] == ["mu"]


def broken(change) -> dict:
    found = spec()
    change(found)
    return found


def first(found: dict) -> list:
    return found["channels"][0]["samples"][0]["modifiers"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: first(s).append({"name": "lumi", "type": "lumi", "data": None}),
         "lumi 'lumi' of channel 'SR'"),
        (lambda s: s["channels"][1]["samples"][1]["modifiers"].append(
            {"name": "mc_SR", "type": "staterror", "data": [1.0, 1.0]}),
         "staterror 'mc_SR' of channel 'CR', which another channel shares"),
        (lambda s: s["channels"][1]["samples"][0]["modifiers"][0].update(data=[0.0, 1.0]),
         "shapesys 'control' of channel 'CR', zero"),
        (lambda s: s["measurements"][0]["config"]["parameters"].append(
            {"name": "trigger", "auxdata": [0.5]}), "constraint of the parameter 'trigger'"),
    ],
)  # fmt: skip
def test_what_hs3_cannot_say_is_refused_by_its_name(change, said) -> None:
    with pytest.raises(DataError, match=said):
        hs3.convert(broken(change))


def test_a_search_without_sensitivity_keeps_its_note(tmp_path) -> None:
    note = {"method": "disco", "sensitive": False}
    write_json(tmp_path / "workspace.json", note)
    hs3.hs3(workspace=tmp_path / "workspace.json", hs3=tmp_path / "hs3.json", method="disco",
            settings=hs3.Hs3Job(workspaces={}))  # fmt: skip
    assert read_json(tmp_path / "hs3.json") == note


def test_a_channel_that_validates_is_no_part_of_the_likelihood() -> None:
    found = hs3.convert(spec(), validation=["CR"])
    assert found["likelihoods"][0]["distributions"] == ["SR"]
    assert found["likelihoods"][0]["data"] == ["observed_SR"]
    assert {"SR", "CR"} <= {each["name"] for each in found["distributions"]}
    errors = ["constraint_mc_SR_0", "constraint_mc_SR_1"]
    assert found["likelihoods"][0]["aux_distributions"] == errors
    other = hs3.convert(spec(), validation=["SR"])["likelihoods"][0]
    assert "aux_distributions" not in other


EVALUATE = """
import json, sys
import pyhs3, pytensor
from pytensor.graph.traversal import explicit_graph_inputs
given = json.load(open(sys.argv[1]))
workspace = pyhs3.Workspace(**given["workspace"])
model = workspace.model(workspace.analyses[0])
free = list(explicit_graph_inputs([model.log_prob]))
evaluate = pytensor.function(free, model.log_prob, mode="FAST_COMPILE")
points = [[point[each.name] for each in free] for point in given["points"]]
print(json.dumps([float(evaluate(*each)) for each in points]))
"""


@pytest.mark.publication
def test_pyhs3_has_the_likelihood_of_pyhf(tmp_path) -> None:
    with numpy_backend() as pyhf:
        workspace = pyhf.Workspace(spec())
        model = workspace.model()
        data = workspace.data(model)
        chosen = points(model, 20)
        ours = [float(model.logpdf(list(each.values()), data)[0]) for each in chosen]
    write_json(tmp_path / "given.json", {"workspace": hs3.convert(spec()), "points": chosen})
    done = subprocess.run(
        [os.environ["JETCHAIN_HS3_PYTHON"], "-c", EVALUATE, str(tmp_path / "given.json")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    theirs = json.loads(done.stdout.splitlines()[-1])
    assert np.diff(ours) == pytest.approx(np.diff(theirs), abs=1e-6)


# --- tables
LIMIT = Limits(
    method="cwola", sensitive=True, level=0.05, reference_cross_section_fb=50.0, observed_mu=0.5,
    observed_fb=25.0, observed_clb=0.4, expected_mu=(0.2, 0.3, 0.4, 0.6, 0.8),
    expected_fb=(10.0, 15.0, 20.0, 30.0, 40.0),
)  # fmt: skip
NONE = Limits(
    method="disco", sensitive=False, level=0.05, reference_cross_section_fb=50.0,
    reason="no sensitivity, 100 % & more",
)  # fmt: skip
OTHERS = LIMIT.model_copy(
    update={"method": "theirs", "reference_cross_section_fb": None, "observed_mu": 1.5e-7}
)


def test_limits_are_written_as_csv_and_latex(tmp_path) -> None:
    paths = []
    for each in (LIMIT, NONE, OTHERS):
        paths.append(tmp_path / f"{each.method}.json")
        write_result(paths[-1], each)
    tables.tables(
        limits=paths, labels={"cwola": "CWoLa_100%"}, csv=tmp_path / "a.csv", tex=tmp_path / "a.tex"
    )
    with (tmp_path / "a.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["quantity"] for row in rows] == ["fb", "fb", "mu"]
    assert (rows[0]["observed"], rows[0]["plus_1_sigma"]) == ("25.0", "30.0")
    assert (rows[0]["clb"], rows[1]["clb"]) == ("0.4", "")
    assert (rows[1]["observed"], rows[1]["reason"]) == ("", NONE.reason)
    assert rows[2]["observed"] == "1.5e-07"
    text = (tmp_path / "a.tex").read_text()
    assert r"CWoLa\_100\% & $\sigma$ [fb] & 25 & 20 & [15, 30] \\" in text
    assert r"disco & $\sigma$ [fb] & -- & -- & -- \\" in text
    assert r"theirs & $\mu$ & $1.5 \times 10^{-7}$" in text


# --- HEPData
YIELDS = SearchYields(
    method="cwola", constraint="poisson", luminosity_fb=10.0, reference_cross_section_fb=50.0,
    bins=[
        CountingBin(
            name=name, observed=12, background=10.5, background_uncertainty=1.0, signal=2.5,
            signal_uncertainty=0.25, signal_leakage=0.0,
        )
        for name in ("a", "b")
    ],
)  # fmt: skip
CUTS = ClassCutflow(
    jets=9, labelled=8, in_pt_window=7, kept=6, truncated=0, constituents=50, constituents_kept=50,
    train=3, validation=1, test=2,
)  # fmt: skip


def submitted(folder: Path, name: str = "submission.tar.gz") -> Path:
    write_result(folder / "limits.json", LIMIT)
    write_result(folder / "none.json", NONE)
    write_result(folder / "yields.json", YIELDS)
    other = YIELDS.model_copy(update={"method": "disco"})
    write_result(folder / "other.json", other)
    write_json(folder / "workspace.json", spec())
    write_json(folder / "note.json", {"method": "disco", "sensitive": False})
    write_result(folder / "summary.json", TaggingSummary(classes=["W"], cutflow={"W": CUTS}))
    (folder / "grid").mkdir(exist_ok=True)
    write_json(folder / "grid" / "patchset.json", {"patches": []})
    write_json(folder / "grid" / "background_only.json", spec())
    (folder / "none").mkdir(exist_ok=True)
    write_json(folder / "none" / "patchset.json", {"method": "disco", "sensitive": False})
    hepdata.hepdata(
        workspaces=[folder / "workspace.json", folder / "note.json"],
        yields=[folder / "yields.json", folder / "other.json"],
        limits=[folder / "limits.json", folder / "none.json"],
        summary=folder / "summary.json",
        patchsets=[
            folder / "grid" / "background_only.json", folder / "grid" / "patchset.json",
            folder / "none" / "patchset.json",
        ],
        submission=folder / name,
    )  # fmt: skip
    return folder / name


@pytest.mark.publication
def test_a_submission_is_valid_whole_and_byte_stable(tmp_path) -> None:
    yaml = pytest.importorskip("yaml")
    before = Path.cwd()
    path = submitted(tmp_path)
    assert Path.cwd() == before
    assert path.read_bytes() == submitted(tmp_path, "again.tar.gz").read_bytes()
    with tarfile.open(path) as tar:
        files = {each.name: tar.extractfile(each).read() for each in tar.getmembers()}
        assert {each.mtime for each in tar.getmembers()} == {0}
    assert {"cwola_workspace.json", "grid_patchset.json", "grid_background_only.json",
            "submission.yaml"} <= {*files}  # fmt: skip
    assert not {"disco_workspace.json", "none_patchset.json"} & {*files}
    assert json.loads(files["cwola_workspace.json"]) == spec()
    limits = yaml.safe_load(files["upper_limits.yaml"])
    assert limits["independent_variables"][0]["values"] == [{"value": "cwola"}]
    expected = limits["dependent_variables"][1]
    assert expected["header"]["units"] == "FB"
    assert expected["values"][0]["value"] == 20.0
    assert expected["values"][0]["errors"][0]["asymerror"] == {"minus": -5.0, "plus": 10.0}
    efficiency = yaml.safe_load(files["signal_efficiency.yaml"])["dependent_variables"][0]
    assert efficiency["values"][0]["value"] == pytest.approx(5.0 / 500)
    assert [each["label"] for each in efficiency["values"][0]["errors"]] == [
        "simulation statistics"
    ]
    yields = yaml.safe_load(files["yields_cwola.yaml"])["dependent_variables"]
    assert [
        [error["label"] for error in each["values"][0].get("errors", [])] for each in yields
    ] == [[], ["estimate from data"], ["simulation statistics"]]
    heads = list(yaml.safe_load_all(files["submission.yaml"]))
    assert "disco" in heads[1]["description"]
    assert {each["name"] for each in heads[1:]} >= {"Yields cwola", "Cutflow of the tagged jets"}
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "submission.yaml").write_text("name: only\n")
    with pytest.raises(DataError, match="hepdata-validator refuses"):
        hepdata.require_valid(tmp_path / "bad")


def test_packing_depends_on_names_and_contents_alone(tmp_path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    for name in ("b", "a"):
        (folder / name).write_text(name)
    hepdata.pack(folder, tmp_path / "one.tar.gz")
    os.utime(folder / "a", (1, 1))
    (folder / "b").chmod(0o600)
    hepdata.pack(folder, tmp_path / "two.tar.gz")
    assert (tmp_path / "one.tar.gz").read_bytes() == (tmp_path / "two.tar.gz").read_bytes()
    with tarfile.open(tmp_path / "one.tar.gz") as tar:
        assert tar.getnames() == ["a", "b"]


def test_without_the_library_the_remedy_is_told(tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "hepdata_lib", None)
    with pytest.raises(ToolError, match=r"publication\.txt"):
        submitted(tmp_path)
