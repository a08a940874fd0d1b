"""Figures of the workspaces of others, from a fit that was written down here."""

import json

import pytest

from jetchain.core.io.tables import write_result
from jetchain.core.schema.inference import (
    ChannelYields,
    Fit,
    Impact,
    LikelihoodScan,
    ModelFit,
    Nuisance,
)
from jetchain.reporting import workspaces

FOUND = ModelFit(
    method="mine", goodness_of_fit=0.5, parameters=("strength", "jes"),
    correlations=((1.0, -0.3), (-0.3, 1.0)),
    impacts=(Impact(name="jes", up=0.2, down=None), Impact(name="lumi", up=-0.1, down=0.1),
             Impact(name="norm_0", up=0.05, down=-0.05)),
    channels=(
        ChannelYields(
            name="SR", observed=[12.0, 0.0], before=[10.0, 1.0], before_error=[1.0, 0.5],
            after=[11.0, 0.0], after_error=[0.8, 0.0],
        ),
        ChannelYields(
            name="VR", observed=[20.0, 0.0], before=[15.0, 0.0], before_error=[2.0, 0.0],
            after=[16.0, 0.0], after_error=[3.0, 0.0], pulls=(0.8, None),
        ),
    ),
)  # fmt: skip
NOTHING = ModelFit(method="mine", reason="no minimum of the likelihood is found")


def drawn(folder, verb, labels=None, **inputs):
    """The numbers of a figure."""
    given = {} if labels is None else {"labels": labels}
    for name, result in inputs.items():
        write_result(folder / f"{name}.json", result)
    made = {kind: folder / f"figure.{kind}" for kind in ("pdf", "png", "json")}
    verb(
        **{name: folder / f"{name}.json" for name in inputs},
        **given, pdf=made["pdf"], png=made["png"], data=made["json"],
    )  # fmt: skip
    assert all(path.stat().st_size for path in made.values())
    return json.dumps(json.loads(made["json"].read_text()))


@pytest.mark.parametrize("found", [FOUND, NOTHING], ids=["fitted", "nothing"])
def test_each_figure_is_drawn_with_and_without_a_result(tmp_path, found):
    pulls = (
        Nuisance(name="jes", value=0.5, error=0.9, pull=0.5, constraint=0.9),
        Nuisance(name="norm_0", value=0.85, error=0.02, pull=None, constraint=None),
    )
    fit = Fit(method="mine", sensitive=True, observed=12.0, background=11.0,
              parameters=pulls if found is FOUND else ())  # fmt: skip
    impacts = drawn(tmp_path, workspaces.impacts, fit=fit, model=found, labels={"mine": "Mine"})
    assert "Mine" in impacts
    correlations = drawn(tmp_path, workspaces.correlations, model=found)
    channels = drawn(tmp_path, workspaces.channels, model=found)
    validation = drawn(tmp_path, workspaces.validation, model=found)
    if found is FOUND:
        right = json.loads(impacts)["axes"][1]["series"]
        of_jes = {each["label"] for each in right if each.get("y") == [2]}
        assert of_jes == {"parameter one error up"}  # down, its fit failed
        assert r"free: 0.850 \u00b1 0.020" in impacts
        left = json.loads(impacts)["axes"][0]["series"]
        assert [each["x"] for each in left if each["label"] == "fit to the data"] == [[0.5]]
        assert "-0.3" in correlations
        assert "after the fit" in channels
        assert "12.0" in channels
        assert "VR" not in channels  # it is no part of the fit
        assert "VR, pull" in validation
        assert "0.8" in validation
        assert "SR" not in validation


def test_a_name_that_looks_like_mathematics_is_drawn_as_it_is(tmp_path):
    name = r"$\bad{x_$"
    scan = LikelihoodScan(name=name, best=0.0, values=[-1.0, 0.0, 1.0], rise=[1.0, 0.0, 1.0])
    found = FOUND.model_copy(update={
        "parameters": (name, "jes"), "impacts": (Impact(name=name, up=0.2, down=0.1),),
        "channels": tuple(each.model_copy(update={"name": name}) for each in FOUND.channels),
        "scans": (scan,),
    })  # fmt: skip
    fit = Fit(method="mine", sensitive=True, observed=12.0, background=11.0)
    drawn(tmp_path, workspaces.impacts, fit=fit, model=found, labels={"mine": "Mine"})
    for verb in (workspaces.correlations, workspaces.channels, workspaces.validation,
                 workspaces.scans):  # fmt: skip
        drawn(tmp_path, verb, model=found)
