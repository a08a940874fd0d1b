"""Limits over a grid of signals: each point's own limits, odd points, archives."""

from __future__ import annotations

import copy
import io
import json
import os
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from jetchain.core.errors import ConfigurationError, DataError
from jetchain.core.io.tables import read_result, write_json
from jetchain.core.schema.inference import SignalGrid
from jetchain.core.settings import parse
from jetchain.inference.grid import GridJob, grid
from jetchain.inference.published import published
from jetchain.inference.settings import (
    GridSettings,
    InferenceSettings,
    LimitSettings,
    PublishedSettings,
)

BACKGROUND = [40.0, 30.0, 22.0, 16.0, 12.0]
NOTHING = {"pallet": None, "workspace": None, "patchset": None, "measurement": None}


def only_background() -> dict:
    scale = {"name": "scale", "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}}
    return {
        "version": "1.0.0",
        "channels": [{"name": "mass", "samples": [
            {"name": "background", "data": BACKGROUND, "modifiers": [scale]}]}],
        "observations": [{"name": "mass", "data": [42.0, 28.0, 24.0, 15.0, 11.0]}],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}],
    }  # fmt: skip


def signal(mass: float, coupling: float) -> list[float]:
    return (20 * coupling * np.exp(-0.5 * (np.arange(5) - mass) ** 2)).tolist()


def patches(signals: dict[str, tuple], labels=("mass", "coupling")) -> dict:
    import pyhf

    return {
        "metadata": {
            "references": {"hepdata": "ins1234567"}, "description": "of a test",
            "labels": list(labels), "digests": {"sha256": pyhf.utils.digest(only_background())},
        },
        "version": "1.0.0",
        "patches": [
            {"metadata": {"name": name, "values": list(values)}, "patch": [
                {"op": "add", "path": "/channels/0/samples/0", "value": {
                    "name": "signal", "data": data,
                    "modifiers": [{"name": "mu", "type": "normfactor", "data": None}]}}]}
            for name, (values, data) in signals.items()
        ],
    }  # fmt: skip


SIGNALS = {
    f"m{mass}_g{round(10 * coupling)}": ((mass, coupling), signal(mass, coupling))
    for mass in (1, 2, 3) for coupling in (0.5, 1.0, 2.0)
}  # fmt: skip


def test_a_file_that_is_broken_loses_its_own_point_alone_and_places_stay(tmp_path, monkeypatch):
    """The names sort otherwise than they are given: a job gets its settings sorted."""
    monkeypatch.chdir(tmp_path)
    small = {"version": "1.0.0", **only_background()}
    sizes = {"m_500.json": 1.0, "m_1000.json": 2.0, "m_2000.json": 4.0}
    for name, size in sizes.items():
        spec = copy.deepcopy(small)
        spec["channels"][0]["samples"].append({
            "name": "signal", "data": signal(2, size),
            "modifiers": [{"name": "mu", "type": "normfactor", "data": None}]})  # fmt: skip
        write_json(tmp_path / name, spec)
    (tmp_path / "broken.json").write_text("{")
    given = {name: [float(index)] for index, name in enumerate([*sizes, "broken.json"])}
    settings = parse(GridSettings, {"points": given})
    sent = GridSettings.model_validate_json(json.dumps(settings.model_dump(), sort_keys=True))
    job = GridJob(limits=LimitSettings(points=3, toys=0), grid=sent)
    grid(files=settings.files, grid=tmp_path / "grid.json", method="mine", settings=job)
    found = {each.name: each for each in read_result(tmp_path / "grid.json", SignalGrid).points}
    assert {name: list(each.values) for name, each in found.items()} == given
    limits = [found[name].limits.observed_mu * size for name, size in sizes.items()]
    assert limits == pytest.approx([limits[0]] * 3, rel=1e-3)
    assert found["broken.json"].limits.observed_mu is None
    assert "broken.json: not a file of JSON" in found["broken.json"].limits.reason


def run(folder, settings: dict, files: list) -> SignalGrid:
    job = GridJob.model_construct(
        limits=LimitSettings(points=3, toys=0),
        grid=GridSettings.model_construct(
            **NOTHING | {"patches": [], "points": {}, "axes": [], "cross_sections": {}} | settings
        ),
    )
    grid(files=files, grid=folder / "grid.json", method="mine", settings=job)
    json.loads((folder / "grid.json").read_text())
    return read_result(folder / "grid.json", SignalGrid)


@pytest.fixture
def files(tmp_path) -> list:
    paths = [tmp_path / "BkgOnly.json", tmp_path / "patchset.json"]
    write_json(paths[0], only_background())
    write_json(paths[1], patches(SIGNALS))
    return paths


def test_each_point_has_the_limits_of_its_own_workspace(tmp_path, files) -> None:
    settings = {"workspace": "BkgOnly.json", "patchset": "patchset.json"}
    found = run(tmp_path, settings, files)
    assert found.axes == ["mass", "coupling"]
    assert [each.values for each in found.points] == [list(v[0]) for v in SIGNALS.values()]
    at = {tuple(each.values): each for each in found.points}
    # A coupling twice as large halves the limit on the strength, at each mass.
    for mass in (1, 2, 3):
        weak, strong = (at[mass, coupling].limits.observed_mu for coupling in (0.5, 2.0))
        assert weak / strong == pytest.approx(4.0, rel=2e-3)
    # CLs at strength 1 is below the level just where the limit is below 1.
    for each in found.points:
        assert (each.cls_observed < 0.05) == (each.limits.observed_mu < 1)
        assert each.cls_observed < each.clb_observed < 1
    # A list of workspaces is the same.
    import pyhf

    whole = tmp_path / "one.json"
    write_json(whole, pyhf.PatchSet(patches(SIGNALS)).apply(only_background(), "m2_g10"))
    alone = run(tmp_path, {"points": {"one.json": [2.0]}, "axes": ["m [TeV]"],
                           "cross_sections": {"one.json": 3.0}}, [whole])  # fmt: skip
    (point,) = alone.points
    assert alone.axes == ["m [TeV]"]
    assert point.limits.observed_mu == pytest.approx(at[2, 1.0].limits.observed_mu, rel=1e-6)
    assert point.limits.observed_fb == pytest.approx(3 * point.limits.observed_mu)


def test_a_point_that_fails_says_why_and_the_others_go_on(tmp_path, files) -> None:
    broken = SIGNALS | {
        "nowhere": ((4, 1.0), [0.0] * 5), "nan": ((5, 1.0), [float("nan")] * 5),
        "short": ((6, 1.0), [1.0]),
    }  # fmt: skip
    content = patches(broken)
    content["patches"].append({
        "metadata": {"name": "lost", "values": [7, 1.0]},
        "patch": [{"op": "replace", "path": "/channels/7/name", "value": "x"}],
    })  # fmt: skip
    files[1].write_text(json.dumps(content))
    found = run(tmp_path, {"workspace": "BkgOnly.json", "patchset": "patchset.json"}, files)
    reasons = {each.name: each.limits.reason for each in found.points}
    assert [name for name, reason in reasons.items() if reason] == [
        "nowhere", "nan", "short", "lost"
    ]  # fmt: skip
    assert "'mu' changes no bin" in reasons["nowhere"] or "refuses" in reasons["nowhere"]
    assert "nan in bin 0" in reasons["nan"]


@pytest.mark.parametrize("kind", ["tar", "tar.gz", "zip"])
def test_an_archive_of_several_workspaces_is_read(tmp_path, files, kind: str) -> None:
    archive = tmp_path / f"pallet.{kind}"
    members = {"RegionA/BkgOnly.json": files[0], "RegionA/patchset.json": files[1],
               "RegionB/BkgOnly.json": files[0]}  # fmt: skip
    if kind == "zip":
        with zipfile.ZipFile(archive, "w") as pile:
            for name, path in members.items():
                pile.write(path, name)
    else:
        with tarfile.open(archive, "w:gz" if kind == "tar.gz" else "w") as pile:
            for name, path in members.items():
                content = path.read_bytes()
                entry = tarfile.TarInfo(f"./{name}")
                entry.size = len(content)
                pile.addfile(entry, io.BytesIO(content))
    entry = PublishedSettings.model_construct(
        **NOTHING | {"pallet": "pallet", "workspace": "RegionA/BkgOnly.json",
                     "patchset": "RegionA/patchset.json", "region": None}, patch="m1_g5",
    )  # fmt: skip
    published(files=[archive], workspace=tmp_path / "out.json", settings=entry)
    assert "signal" in (tmp_path / "out.json").read_text()
    found = run(tmp_path, {"pallet": "pallet", "workspace": "RegionA/BkgOnly.json",
                           "patchset": "RegionA/patchset.json", "patches": ["m1_g20"]},
                [archive])  # fmt: skip
    assert [each.name for each in found.points] == ["m1_g20"]
    with pytest.raises(DataError, match=r"no file 'RegionC/BkgOnly.json' among its 3") as caught:
        published(
            files=[archive], workspace=tmp_path / "out.json",
            settings=entry.model_copy(update={"workspace": "RegionC/BkgOnly.json"}),
        )  # fmt: skip
    assert "RegionB/BkgOnly.json" in str(caught.value) or "RegionA" in str(caught.value)
    archive.write_bytes(archive.read_bytes()[:200])
    with pytest.raises(DataError, match=r"cannot be read|no file"):
        published(files=[archive], workspace=tmp_path / "out.json", settings=entry)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"patches": ["m1_g2"]}, "no patch 'm1_g2' among its 9"),
        ({"axes": ["mass"]}, "2 values, but 1 axes"),
        ({"cross_sections": {"m9": 1.0}}, "no signal 'm9'"),
    ],
)
def test_a_grid_that_does_not_fit_is_refused(tmp_path, files, settings, message) -> None:
    named = {"workspace": "BkgOnly.json", "patchset": "patchset.json"}
    with pytest.raises(DataError, match=message):
        run(tmp_path, named | settings, files)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({}, "one of these"),
        ({"workspace": "here.json"}, "one of these"),
        ({"points": {"here.json": [1.0], "there.json": [1.0, 2.0]}}, "equally many values"),
        ({"points": {"here.json": [1.0]}, "axes": ["m", "g"]}, "one name a value"),
        ({"points": {"gone.json": [1.0]}}, "no file 'gone.json'"),
        ({"points": {"here.json": [1.0]}, "cross_sections": {"here.json": 0.0}}, "above zero"),
    ],
)
def test_an_entry_is_checked_when_it_is_read(tmp_path, monkeypatch, entry, message) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("here.json", "there.json"):
        (tmp_path / name).write_text("{}")
    with pytest.raises(ConfigurationError, match=message):
        parse(InferenceSettings, {"grids": {"mine": entry}})


def test_a_home_folder_is_filled_in_and_a_pattern_is_not(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    write_json(tmp_path / "a.json", only_background())
    entry = parse(PublishedSettings, {"workspace": "~/a.json"})
    assert entry.files == [str(tmp_path / "a.json")]
    points = {"points": {"~/a.json": [1.0]}, "cross_sections": {"~/a.json": 2.0}}
    found = parse(GridSettings, points)
    assert [*found.points] == [*found.cross_sections] == found.files == [str(tmp_path / "a.json")]
    with pytest.raises(ConfigurationError, match="name one file, a pattern is not filled in"):
        parse(PublishedSettings, {"workspace": str(tmp_path / "*.json")})
    with pytest.raises(ConfigurationError, match="write the folder out"):
        parse(PublishedSettings, {"pallet": "~nobody_of_this_name/a.tar", "workspace": "a.json"})


SBOTTOM = os.environ.get("JETCHAIN_SBOTTOM")
"""HEPData's archive of the likelihoods of ATLAS's search for sbottoms (SUSY-2018-31)."""


def of_archive(folder, archive, patch: str):
    """The point of one patch of region A."""
    settings = {"pallet": "pallet", "workspace": "RegionA/BkgOnly.json",
                "patchset": "RegionA/patchset.json", "patches": [patch]}  # fmt: skip
    (point,) = run(folder, settings, [archive]).points
    return point


def test_cls_at_strength_one_is_that_of_pyhf(tmp_path, files) -> None:
    import pyhf

    archive = tmp_path / "pallet.tar.gz"
    with tarfile.open(archive, "w:gz") as pile:
        for path in files:
            pile.add(path, f"RegionA/{path.name}")
    whole = pyhf.PatchSet(patches(SIGNALS)).apply(only_background(), "m2_g10")
    model = pyhf.Workspace(whole).model()
    data = pyhf.Workspace(whole).data(model)
    observed, band = pyhf.infer.hypotest(1.0, data, model, return_expected_set=True)
    found = of_archive(tmp_path, archive, "m2_g10")
    assert found.cls_observed == pytest.approx(float(observed), abs=1e-4)
    assert found.cls_expected == pytest.approx([float(each) for each in band], abs=1e-4)


@pytest.mark.skipif(not SBOTTOM, reason="JETCHAIN_SBOTTOM names no archive of the likelihoods")
def test_the_likelihood_of_atlas_for_sbottoms_has_its_cls(tmp_path) -> None:
    # Of pyhf's own tests, and of its README.
    found = of_archive(tmp_path, Path(SBOTTOM), "sbottom_1300_205_60")
    assert found.cls_observed == pytest.approx(0.24443636, abs=1e-3)
    band = [0.09022, 0.19378, 0.38432, 0.65577, 0.89104]
    assert found.cls_expected == pytest.approx(band, abs=1e-3)
