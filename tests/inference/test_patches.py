"""Patch sets: pyhf takes them, and a patch with the signal of the search is the search."""

from __future__ import annotations

import numpy as np
import pytest

from helpers.workspaces import LIMIT
from jetchain.core.errors import ConfigurationError, DataError
from jetchain.core.io.tables import read_csv, read_json, read_result, write_json, write_result
from jetchain.core.schema.background import SignalVariation
from jetchain.core.schema.inference import Limits, SignalGrid
from jetchain.core.settings import parse
from jetchain.inference import others
from jetchain.inference.grid import GridJob, grid
from jetchain.inference.patches import PatchJob, patches
from jetchain.inference.settings import GridSettings
from jetchain.inference.workspace import numpy_backend
from jetchain.plumbing.configuration import load
from jetchain.reporting import grids

JOB = PatchJob(labels=["mass_tev", "coupling"], samples={"light": [3.0, 1.0], "same": [3.5, 1.0]})
SIGNAL, ERROR = np.array([0.0, 4.0, 20.0, 6.0, 1.0]), np.array([0.0, 0.5, 1.0, 0.6, 0.2])


def spec():
    def modifiers(first, last):
        return [
            {"name": "mu", "type": "normfactor", "data": None},
            {"name": "luminosity", "type": "normsys", "data": {"hi": 1.01, "lo": 1 / 1.01}},
            {"name": "jes", "type": "normsys", "data": {"hi": 1.05, "lo": 1 / 1.05}},
            {"name": f"statistics_{'ab'[first > 0]}", "type": "staterror",
             "data": ERROR[first:last].tolist()},
        ]  # fmt: skip

    norm = [{"name": "norm_0", "type": "normfactor", "data": None}]
    return {
        "version": "1.0.0",
        "channels": [
            {"name": name, "samples": [
                {"name": "signal", "data": SIGNAL[a:b].tolist(), "modifiers": modifiers(a, b)},
                {"name": "background_0", "data": [50.0] * (b - a), "modifiers": norm},
            ]}
            for name, a, b in (("a", 0, 2), ("b", 2, 5))
        ],
        "observations": [{"name": "a", "data": [48, 52]}, {"name": "b", "data": [60, 55, 50]}],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
    }  # fmt: skip


def made(folder, signals=("light", "same"), job=JOB, **changes):
    write_json(folder / "w.json", spec() | changes.pop("spec", {}))
    paths = []
    for name in signals:
        fields = {
            "method": "cwola",
            "systematic": name,
            "nominal": SIGNAL,
            "down": None,
            "up": SIGNAL if name == "same" else SIGNAL[::-1],
            "up_error": ERROR,
        } | changes
        paths.append(folder / f"{name}.json")
        write_result(paths[-1], SignalVariation(**fields))  # fmt: skip
    files = {"background": folder / "b.json", "patchset": folder / "p.json"}
    patches(workspace=folder / "w.json", signals=paths, method="cwola", settings=job, **files)
    return [read_json(each) for each in files.values()]


def test_the_signal_of_the_search_as_a_patch_is_the_search(tmp_path):
    background, patchset = made(tmp_path)
    assert not any(s["name"] == "signal" for c in background["channels"] for s in c["samples"])
    with numpy_backend() as pyhf:
        found = pyhf.PatchSet(patchset)
        found.verify(background)
        assert found.labels == ["mass_tev", "coupling"]
        again = pyhf.Workspace(found.apply(background, (3.5, 1.0)))
        first, other = (each.model() for each in (again, pyhf.Workspace(spec())))
        assert first.config.par_names == other.config.par_names
        at = np.linspace(0.5, 1.5, len(first.config.par_names))
        for one, two in ((first, other),):
            np.testing.assert_allclose(
                one.logpdf(at, again.data(first)), two.logpdf(at, again.data(first)), rtol=1e-12
            )
        light = pyhf.Workspace(found.apply(background, "light")).model()
        with pytest.raises(pyhf.exceptions.PatchSetVerificationError):
            found.verify(spec())
    reverse = light.expected_actualdata(light.config.suggested_init())
    np.testing.assert_allclose(reverse, 50 + SIGNAL[::-1])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"method": "cathode"}, "of 'cathode' with 5 bins, not of 'cwola' with 5"),
        ({"up": [1.0]}, "1 bins"),
        ({"up": None}, "None bins"),
        ({"job": PatchJob(labels=[], samples={}), "signals": ()}, "names no signal"),
    ],
)
def test_what_makes_no_patch_is_refused(tmp_path, changes, words):
    with pytest.raises(DataError, match=r"another run|names no signal") as error:
        made(tmp_path, **changes)
    assert words in str(error.value)


def test_its_signals_go_to_limits_a_table_and_a_figure(tmp_path):
    made(tmp_path)
    job = GridJob.model_construct(
        limits=LIMIT.limits, grid=parse(GridSettings, {"search": "cwola"})
    )
    files = [tmp_path / "b.json", tmp_path / "p.json"]
    grid(files=files, grid=tmp_path / "grid.json", method="masses", settings=job)
    found = read_result(tmp_path / "grid.json", SignalGrid)
    assert [(each.name, each.values) for each in found.points] == list(JOB.samples.items())
    # The signal of the search as a patch has the limit of the search.
    others.limits(workspace=tmp_path / "w.json", limits=tmp_path / "limits.json", method="cwola",
                  settings=LIMIT, seed=1)  # fmt: skip
    limits = read_result(tmp_path / "limits.json", Limits)
    assert found.points[1].limits.observed_mu == pytest.approx(limits.observed_mu, rel=1e-3)
    grids.table(grid=tmp_path / "grid.json", table=tmp_path / "grid.csv")
    rows = read_csv(tmp_path / "grid.csv")
    assert [float(each) for each in rows["limit_mu"]] == pytest.approx(
        [each.limits.observed_mu for each in found.points], rel=1e-4
    )
    drawn = {kind: tmp_path / f"grid.{kind}" for kind in ("pdf", "png")}
    grids.exclusion(grid=tmp_path / "grid.json", **drawn, data=tmp_path / "drawn.json")
    assert drawn["png"].stat().st_size > 0


def test_the_grid_of_a_search_without_sensitivity_is_refused(tmp_path):
    for name in ("b", "p"):
        write_json(tmp_path / f"{name}.json", {"method": "cwola", "sensitive": False})
    job = GridJob.model_construct(
        limits=LIMIT.limits, grid=parse(GridSettings, {"search": "cwola"})
    )
    with pytest.raises(DataError, match="the search 'cwola' has no sensitivity"):
        grid(files=[tmp_path / "b.json", tmp_path / "p.json"], grid=tmp_path / "grid.json",
             method="masses", settings=job)  # fmt: skip


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"search": "inclusiv"}, "no search 'inclusiv'.*'inclusive'"),
        ({"search": "inclusive"}, "there are no signals"),
        ({}, "a search, one of these"),
    ],
)
def test_the_grid_of_no_search_is_refused(entry, words):
    with pytest.raises(ConfigurationError, match=f"(?s){words}"):
        load({"inference": {"grids": {"masses": entry}}})


def test_a_search_without_sensitivity_has_none(tmp_path):
    note = {"method": "cwola", "sensitive": False}
    write_json(tmp_path / "w.json", note)
    patches(workspace=tmp_path / "w.json", signals=[], background=tmp_path / "b.json",
            patchset=tmp_path / "p.json", method="cwola", settings=JOB)  # fmt: skip
    assert read_json(tmp_path / "b.json") == read_json(tmp_path / "p.json") == note


@pytest.mark.parametrize(
    ("grid", "words"),
    [
        ({"labels": ["m"], "samples": {"nothing": [3.0]}}, "no sample 'nothing'"),
        ({"labels": ["m"], "samples": {"lhco_signal": [3.0, 1.0]}}, "2 values, but 1 labels"),
        ({"labels": ["m"], "samples": {"lhco_signal": [3.0], "W": [3.0]}}, "the same values"),
        ({"labels": ["m jj"], "samples": {}}, "letters, digits and _"),
    ],
)
def test_a_grid_that_cannot_be_is_refused(grid, words):
    with pytest.raises(ConfigurationError, match=words):
        load({"anomaly": {"grid": grid}})


@pytest.mark.parametrize(
    ("name", "words"), [("parametrik", "no algorithm"), ("parametric", "jets.algorithm itself")]
)
def test_other_algorithms_are_known_and_others(name, words):
    with pytest.raises(ConfigurationError, match=words):
        load({"anomaly": {"systematics": {"algorithms": [name]}}})
