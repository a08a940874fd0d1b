"""What the lowest pTHat gives to bins of jet pT, by hand; histograms of varied weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest

from helpers.events import generated_events
from helpers.raw import uncalibrated
from jetchain.core.histograms import load_histograms
from jetchain.core.io.events import write_events
from jetchain.core.io.tables import read_result, write_result
from jetchain.core.schema.generate import GENERATED, VARIATIONS, Cutflow, ShardAccount
from jetchain.core.schema.jets import (
    JET,
    JET_CLASSES,
    JetSampling,
    jet_collection,
    jets_table,
)
from jetchain.jets.sampling import sampled, sampling
from jetchain.jets.settings import SummarySettings


def test_share_and_error_of_the_lowest_pthat_by_hand() -> None:
    """Weights 3 below and 1, 1 above the strip's end: share 3/5; the bin without jets is absent."""
    jets = {
        "pt": np.array([510.0, 520.0, 530.0, 610.0]),
        "pthat": np.array([240.0, 260.0, 800.0, 260.0]),
        "weight": np.array([3.0, 1.0, 1.0, 2.0]),
    }
    first, last = sampled("top", jets, 200.0, np.array([500.0, 550.0, 600.0, 650.0]))
    assert (first.pt_low, first.jets, first.lowest) == (500.0, 3, pytest.approx(0.6))
    # sum w^2 (delta - f)^2 = 9 * .16 + 2 * .36, over the sum of weights
    assert first.lowest_error == pytest.approx(np.sqrt(9 * 0.16 + 2 * 0.36) / 5)
    assert first.effective == pytest.approx(25 / 11)
    # Without a jet in the strip the error is what one more of the largest weight would give.
    assert (last.pt_low, last.lowest, last.lowest_error) == (600.0, 0.0, pytest.approx(2 / 4))


def write_sample(
    folder: Path, sample: str, pthat: np.ndarray, lowest: float | None, varied: bool
) -> tuple[Path, Path, Path]:
    """One jet of the class an event, of 550 GeV, with weights 1, 2, ...; twice that if varied."""
    events = len(pthat)
    true = generated_events(22, np.full(events, 20.0), 0.3, 0.1)
    weight = 1.0 + np.arange(events)
    event = {name: np.asarray(true["event"][name]) for name in GENERATED.event}
    event |= dict.fromkeys(VARIATIONS, weight * (2.0 if varied else 1.0))
    event |= {"weight": weight, "pthat": pthat}
    truth, jets = (folder / kind / sample / "0000.root" for kind in ("truth", "jets"))
    for path in (truth, jets):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_events(truth, GENERATED, true | {"event": event})
    columns = {name: np.full(events, 0.1) for name in JET if name != "constituents"}
    columns |= {"pt": np.full(events, 550.0), "label": np.full(events, JET_CLASSES.index(sample))}
    jet = {name: ak.unflatten(values, 1) for name, values in columns.items()}
    jet |= {"constituents": ak.Array([[[0]]] * events)}
    raw = uncalibrated(jet)
    write_events(
        jets, jets_table((0.8,)),
        {"event": {name: event[name] for name in ("number", "weight")},
         jet_collection(0.8): jet | raw, jet_collection(0.8, True): jet},
    )  # fmt: skip
    account = truth.with_suffix(".json")
    write_result(
        account,
        ShardAccount(
            process=sample, shard=0, lowest_pthat=lowest, filter_efficiency=1.0,
            cutflow=Cutflow(
                tried=events, failed_in_generator=0, generated=events, removed_by_filter=0,
                kept=events,
            ),
            sum_of_weights_generated=1.0, sum_of_weights_kept=1.0, sum_of_squared_weights_kept=1.0,
            cross_section_pb=None, cross_section_error_pb=None, cross_section_kept_pb=None,
        ),
    )  # fmt: skip
    return jets, truth, account


def sampled_from(pairs: list[tuple[Path, Path, Path]], folder: Path) -> tuple[JetSampling, Any]:
    """What the verb says of shards, each jets, truth and account, and its histograms."""
    jets, truth, accounts = (list(paths) for paths in zip(*pairs, strict=True))
    sampling(
        jets=jets, truth=truth, accounts=accounts, histograms=folder / "h.json",
        summary=folder / "s.json",
        settings=SummarySettings(),
    )  # fmt: skip
    return read_result(folder / "s.json", JetSampling), load_histograms(folder / "h.json")


def test_weights_reach_the_shares_and_varied_ones_their_histograms(tmp_path: Path) -> None:
    """The least pTHat is that before the filter, where it is known."""
    pairs = [
        write_sample(tmp_path, "quark", np.array([300.0, 400.0, 700.0]), 270.0, varied=False),
        write_sample(tmp_path, "gluon", np.array([300.0, 400.0, 700.0]), 240.0, varied=False),
        write_sample(tmp_path, "top", np.array([200.0, 260.0]), None, varied=True),
    ]
    found, histograms = sampled_from(pairs, tmp_path)
    assert {row.jet_class: row.lowest for row in found.bins} == pytest.approx(
        {"quark": 1 / 6, "gluon": 0.0, "top": 1 / 3}
    )
    assert [row.sample for row in found.numbers] == ["quark", "gluon", "top"]
    assert [row.status == "passed" for row in found.numbers] == [
        row.value <= 0.02 for row in found.numbers
    ]
    assert found.variations == {"top": dict.fromkeys(VARIATIONS, 2.0)}
    assert histograms["pthat/quark"].values().sum() == pytest.approx(6)
    assert not any(name.startswith("quark/") for name in histograms)
    for variable in ("pt", "m", "msd", "tau21"):
        nominal = histograms[f"top/{variable}/weight"].values(flow=True)
        assert nominal.sum() == pytest.approx(3)
        for name in VARIATIONS:
            changed = histograms[f"top/{variable}/{name}"].values(flow=True)
            np.testing.assert_allclose(changed, 2 * nominal)


def test_a_sample_without_pthat_says_nothing_of_its_share(tmp_path: Path) -> None:
    """As from HepMC, which has none: all of its jets would come from the lowest 50 GeV of pTHat."""
    pairs = [
        write_sample(tmp_path, "quark", np.array([300.0, 400.0]), 270.0, varied=False),
        write_sample(tmp_path, "top", np.zeros(2), None, varied=True),
    ]
    found, histograms = sampled_from(pairs, tmp_path)
    assert [row.jet_class for row in found.bins] == ["quark"]
    assert [row.sample for row in found.numbers] == ["quark"]
    assert [*found.variations] == ["top"]
    assert "pthat/quark" in histograms
    assert "pthat/top" not in histograms


@pytest.mark.parametrize("window", [(500.0, 560.0), (540.0, 555.0)])
def test_a_narrow_window_is_a_bin(tmp_path: Path, window: tuple[float, float]) -> None:
    jets, truth, account = write_sample(tmp_path, "quark", np.array([300.0]), None, varied=False)
    sampling(
        jets=[jets], truth=[truth], accounts=[account], histograms=tmp_path / "h.json",
        summary=tmp_path / "s.json",
        settings=SummarySettings(pt_min=window[0], pt_max=window[1]),
    )  # fmt: skip
    found = read_result(tmp_path / "s.json", JetSampling).bins
    assert [(row.pt_low, row.pt_high) for row in found] == [window]
