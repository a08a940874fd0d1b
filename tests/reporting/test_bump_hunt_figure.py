"""The figure of a bump hunt, from numbers that were written down here."""

import pytest

from jetchain.core.io.tables import read_json, write_result
from jetchain.core.schema.bump_hunt import BumpHunt, BumpScan, TrialFactor
from jetchain.reporting import bump_hunt


def scan(bound, accepted=True):
    trials = TrialFactor(
        toys=100, level=0.5, crossings=2.0, crossings_error=0.1, excess=[0.0, 1.0, 2.0],
        toys_above=[1.0, 0.7, 0.0], formula=[1.0, 1.0, 0.3], rare=0.05, share_of_rare=0.03,
    )  # fmt: skip
    return BumpScan(
        events=500, model="any", accepted=accepted, mass_tev=[3.0, 3.5, 4.0], relative_width=0.06,
        excess=[-1.0, 8.0, 0.5], p_local=[0.84, 6e-16, 0.31], p_local_toys=[0.8, 1 / 101, 0.3],
        largest_tev=3.5, largest=8.0, p_global=1e-13, p_global_toys=1 / 101,
        p_global_toys_is_bound=bound, trials=trials,
    )  # fmt: skip


@pytest.mark.parametrize("injected", [None, 3.45])
def test_p_values_stand_at_their_masses_and_bounds_are_bounds(tmp_path, injected):
    scans = {"1": scan(False), "0.01": scan(True), "0.1": scan(True, accepted=False)}
    write_result(tmp_path / "hunt", BumpHunt(method="any", injected_tev=injected, scans=scans))
    files = {kind: tmp_path / f"figure.{kind}" for kind in ("pdf", "png", "data")}
    bump_hunt.figure(
        bump_hunt=tmp_path / "hunt", method="any", labels={"any": "Any"}, **files
    )  # fmt: skip
    left, right = read_json(files["data"])["axes"]
    drawn = {each["label"].partition(":")[0]: each for each in left["series"] if each["label"]}
    local = drawn["1 % of the sidebands"]
    assert (local["x"], local["y"]) == ([3.0, 3.5, 4.0], [0.84, 6e-16, 0.31])
    assert "global p < 0.0099 (toys)" in local["label"]
    assert "global p = 0.0099 (toys)" in drawn["no cut"]["label"]
    assert "not accepted" in drawn["10 % of the sidebands"]["label"]
    # Where no toy reaches the data there is nothing to count.
    assert drawn["1 % of the sidebands, toys"]["x"] == [3.0, 4.0]
    assert ("injected (no method knows it)" in drawn) is (injected is not None)
    counted = [each for each in right["series"] if each["kind"] == "errorbar"]
    assert {tuple(each["y"]) for each in counted} == {(1.0, 0.7)}
