"""Taggers and jets with pile-up: shifts by hand, nothing where nothing is laid over, mistakes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from helpers.tagging import COMPARED, compared_files
from jetchain.core.errors import ConfigurationError
from jetchain.core.io.tables import read_result
from jetchain.core.schema.graphs import JET_COLUMNS
from jetchain.core.schema.pileup_dependence import PileupPoint
from jetchain.plumbing import configuration
from jetchain.tagging.pileup import pileup, shift, shifted
from jetchain.tagging.pileup_settings import PileupDependenceSettings


def test_median_and_width_of_a_normal_ratio_with_their_errors() -> None:
    n = 4000
    # Exact quantiles of a normal distribution of mean 1.2 and width 0.1.
    ratio = stats.norm.ppf((np.arange(n) + 0.5) / n, 1.2, 0.1)
    found = shift(ratio, 400, np.random.default_rng(3))
    assert found is not None
    assert found.bias == pytest.approx(0.2, abs=1e-4)
    one = stats.norm.ppf(0.84)
    assert found.resolution == pytest.approx(0.1 * one, rel=1e-3)
    # Of order statistics: variance p (1 - p) / (n f^2); the two quantiles are correlated. 400
    # replicas know an error to 4 %.
    density = stats.norm.pdf(0.0) / 0.1
    assert found.bias_error == pytest.approx(0.5 / density / np.sqrt(n), rel=0.15)
    density = stats.norm.pdf(one) / 0.1
    variance = (0.16 * 0.84 - 0.16 * 0.16) / 2 / (n * density**2)
    assert found.resolution_error == pytest.approx(np.sqrt(variance), rel=0.15)


def jets(**columns: list[float]) -> np.ndarray:
    table = np.zeros((len(columns["pt"]), len(JET_COLUMNS)), np.float32)
    for name, values in columns.items():
        table[:, JET_COLUMNS.index(name)] = values
    return table


def test_jets_without_a_mass_are_left_out_of_its_shift_alone() -> None:
    one = jets(pt=[100, 200, 400], m=[10, 20, 40], msd=[0, 0, 8])
    other = jets(pt=[110, 220, 440], m=[15, 30, 60], msd=[5, 5, 4])
    found = shifted(one, other, 5, 1)
    assert found.jets == 3
    assert found.pt is not None
    assert found.m is not None
    assert found.pt.bias == pytest.approx(0.1)
    assert found.m.bias == pytest.approx(0.5)
    assert found.m.resolution == pytest.approx(0.0, abs=1e-12)
    assert found.msd is None  # one jet has no width


def test_the_run_beside_itself_has_no_lead_and_no_shift(tmp_path: Path) -> None:
    result = tmp_path / "result.json"
    files = compared_files(tmp_path) | {"result": result}
    pileup(**files, mean=0, mitigation="none", settings=COMPARED, seed=1)
    found = read_result(result, PileupPoint)
    assert found.reference_jets == found.other_jets == found.common_jets > 100
    (row,) = found.rows
    assert row.reference == row.applied
    assert row.applied_lead.auc.value == row.applied_lead.auc.error == 0
    assert sum(each.jets for each in found.shifts.values()) == found.common_jets
    top = found.shifts["top"]
    assert top.pt is not None
    assert top.pt.bias == top.pt.bias_error == top.pt.resolution == 0


def test_by_default_it_starts_without_pileup() -> None:
    settings = PileupDependenceSettings()
    assert min(settings.means) == 0
    assert {*settings.taggers} <= {*configuration.load({}).tagging.taggers}  # trained in any case


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("means", [0, -5], r"tagging\.pileup\.means.*no mean may be below 0"),
        ("means", [20, 20], r"tagging\.pileup\.means.*must differ"),
        ("means", [], r"tagging\.pileup\.means"),
        ("means", [0.5], r"tagging\.pileup\.means"),
        ("mitigations", ["pupi"], r"tagging\.pileup\.mitigations.*Did you mean 'puppi'"),
        ("mitigations", ["area", "area"], r"tagging\.pileup\.mitigations.*named twice"),
        ("taggers", ["particelnet"], r"tagging\.pileup\.taggers.*Did you mean 'particlenet'"),
        ("shards", 0, r"tagging\.pileup\.shards"),
    ],
)
def test_what_cannot_be_is_refused(key, value, said) -> None:
    with pytest.raises(ConfigurationError, match=said):
        configuration.load({"tagging": {"pileup": {key: value}}})
