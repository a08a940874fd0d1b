"""A template against data: two samples told apart by a classifier, and feature by feature."""

import numpy as np
import pytest

from helpers.dijets import MASS_RANGE, SIGNAL_REGION, dijet_tables
from jetchain.background import closure, quality
from jetchain.background.settings import QualityJob
from jetchain.core.boosting import BoostingSettings
from jetchain.core.dijets import inside, sidebands
from jetchain.core.errors import EmptySampleError
from jetchain.core.io.tables import read_csv, read_result
from jetchain.core.io.tensors import write_tensors
from jetchain.core.schema.anomaly import DIJET_TRUTH, DIJETS
from jetchain.core.schema.background import TemplateClosure, TemplateQuality

BOOSTING = BoostingSettings(trainings=2, members=1, iterations=30)


def test_template_quality_against_its_null():
    random = np.random.default_rng(1)
    first, same = random.standard_normal((2, 1500, 3))
    equal = quality.separation(first, same, BOOSTING, 5, 1)
    assert abs(equal.null_deviations) < 5
    apart = quality.separation(first, same + 0.3, BOOSTING, 5, 1)
    assert apart.null_deviations > 5
    assert apart.auc == pytest.approx(apart.null_mean + apart.null_deviations * apart.null_std)
    assert apart.p_value == pytest.approx(1 / 6)


def test_the_template_is_scaled_to_the_data():
    data = np.random.default_rng(1).uniform(size=(500, 4))
    drawn = np.repeat(data, 3, axis=0)  # three events of the template for each of the data
    rows = quality.feature_distributions({"signal region": (data, drawn)})
    counts = np.array(rows["data"])
    assert counts.sum() > 1900  # but for the tail beyond the last bin
    assert rows["template"] == pytest.approx(counts)
    assert rows["template_error"] == pytest.approx(np.sqrt(3 * counts) / 3)


def test_a_perfect_template_passes_the_verb(tmp_path):
    data, _, _ = dijet_tables(background=3000, injected=0, test=10, seed=1)
    drawn, _, _ = dijet_tables(background=3000, injected=0, test=10, seed=2)
    side = sidebands(drawn["m_jj"], SIGNAL_REGION, MASS_RANGE)
    tables = {
        "data": data, "template": drawn,
        "sideband_template": {name: values[side] for name, values in drawn.items()},
    }  # fmt: skip
    for name, table in tables.items():
        write_tensors(tmp_path / f"{name}.safetensors", DIJETS, table)
    quality.quality(
        **{name: tmp_path / f"{name}.safetensors" for name in tables},
        quality=tmp_path / "quality.json", distributions=tmp_path / "d.csv", seed=5,
        settings=QualityJob(
            signal_region=SIGNAL_REGION, mass_range=MASS_RANGE, boosting=BOOSTING, permutations=3
        ),
    )  # fmt: skip
    assert read_result(tmp_path / "quality.json", TemplateQuality).sidebands.auc < 0.55
    assert set(read_csv(tmp_path / "d.csv")["region"]) == {"sidebands", "signal region"}


@pytest.mark.parametrize(("with_signal", "events"), [(False, 3000), (True, 3000), (False, 0)])
def test_a_template_is_held_against_background_alone(tmp_path, with_signal, events):
    # A third of the region is signal, which the truth takes out of the data: only a template that
    # has it too differs.
    data, truth, _ = dijet_tables(background=3000, injected=400, test=10, seed=1)
    drawn, other, _ = dijet_tables(background=events or 1, injected=400, test=10, seed=2)
    chosen = inside(drawn["m_jj"], SIGNAL_REGION) & (with_signal | (other["is_signal"] == 0))
    chosen &= events > 0
    tables = {"data": data, "template": {name: each[chosen] for name, each in drawn.items()}}
    for name, table in tables.items():
        write_tensors(tmp_path / f"{name}.safetensors", DIJETS, table)
    write_tensors(tmp_path / "truth.safetensors", DIJET_TRUTH, truth)

    def run():
        closure.template(
            **{name: tmp_path / f"{name}.safetensors" for name in (*tables, "truth")},
            closure=tmp_path / "closure.json", seed=5,
            settings=QualityJob(
                signal_region=SIGNAL_REGION, mass_range=MASS_RANGE, boosting=BOOSTING,
                permutations=10,
            ),
        )  # fmt: skip

    if not events:
        with pytest.raises(EmptySampleError, match="0 of the template"):
            run()
        return
    run()
    found = read_result(tmp_path / "closure.json", TemplateClosure).signal_region
    assert (found.null_deviations > 4) is with_signal
