"""CATHODE: the flow is a density, contains its data, and follows features that move with m."""

import numpy as np
import pytest
import torch
from jetchain.background.flow import SPLINE_BOUND, ConditionalFlow

from helpers.dijets import MASS_RANGE, SIGNAL_REGION, dijet_tables
from jetchain.background import cathode, regions
from jetchain.background.settings import (
    ClassifierJob,
    FlowSettings,
    QualityJob,
    TemplateJob,
    TemplateSettings,
)
from jetchain.core.boosting import BoostingSettings
from jetchain.core.errors import EmptySampleError
from jetchain.core.io.tables import read_json
from jetchain.core.io.tensors import read_tensors, read_weights, write_tensors
from jetchain.core.metrics import auc
from jetchain.core.schema.anomaly import DIJETS, SCORES
from jetchain.core.training_settings import TrainingSettings

SETTINGS = TemplateSettings(
    flow=FlowSettings(transforms=2, hidden=24, bins=6),
    training=TrainingSettings(epochs=6, batch_size=256, learning_rate=5e-3, patience=6),
    oversampling=3.0,
)
JOB = TemplateJob(signal_region=SIGNAL_REGION, mass_range=MASS_RANGE, template=SETTINGS)
BOOSTING = BoostingSettings(trainings=2, members=1, iterations=30)
CLASSIFIER = ClassifierJob(signal_region=SIGNAL_REGION, boosting=BOOSTING)


def _flow(features: np.ndarray, m_jj: np.ndarray) -> ConditionalFlow:
    torch.manual_seed(1)
    flow = ConditionalFlow(features.shape[1], 2, 16, 6)
    flow.calibrate(features, m_jj)
    return flow


@pytest.fixture(scope="module")
def data():
    return dijet_tables(background=6000, injected=0, test=50)[0]


@pytest.mark.parametrize("columns", [1, 2])
def test_the_density_integrates_to_one(data, columns):
    flow = _flow(data["features"][:, :columns], data["m_jj"])
    points = 401 if columns == 2 else 4001
    # Midpoints of the logistic quantiles resolve the edges, where the logit is steep.
    u = torch.sigmoid(torch.linspace(-12, 12, points))
    axes = [flow.low[k] + (flow.high[k] - flow.low[k]) * u for k in range(columns)]
    grid = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).reshape(-1, columns)
    for mass in (2.9, 3.5, 5.0):
        with torch.no_grad():
            density = flow.log_prob(grid, torch.full((len(grid),), mass)).exp()
        total = density.reshape([points] * columns)
        for axis in reversed(axes):
            total = torch.trapezoid(total, axis)
        assert float(total) == pytest.approx(1.0, abs=5e-3)


def test_all_data_lie_inside_the_splines(data):
    flow = _flow(data["features"], data["m_jj"])
    z, _ = flow.transform(torch.as_tensor(data["features"], dtype=torch.float32))
    assert torch.isfinite(z).all()
    assert z.abs().max() < SPLINE_BOUND
    assert z.mean(0).abs().max() < 1e-3


def test_transform_and_inverse_undo_each_other(data):
    flow = _flow(data["features"], data["m_jj"])
    x = torch.as_tensor(data["features"][:500], dtype=torch.float32)
    z, jacobian = flow.transform(x)
    assert torch.allclose(flow.inverse(z), x, atol=1e-5)
    automatic = torch.autograd.functional.jacobian(lambda v: flow.transform(v)[0], x[0][None])
    assert float(jacobian[0]) == pytest.approx(
        float(torch.linalg.slogdet(automatic[0, :, 0]).logabsdet), rel=1e-4
    )


def test_gradients_reach_every_parameter(data):
    flow = _flow(data["features"], data["m_jj"])
    x = torch.as_tensor(data["features"][:256], dtype=torch.float32)
    (-flow.log_prob(x, torch.as_tensor(data["m_jj"][:256], dtype=torch.float32)).mean()).backward()
    for name, parameter in flow.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_the_flow_interpolates_features_that_move_with_the_mass():
    random = np.random.default_rng(1)
    m_jj = 2.8 + random.exponential(0.6, 8000)
    features = 0.1 * m_jj[:, None] + 0.02 * random.standard_normal((8000, 2))
    side = ~regions.inside(m_jj, SIGNAL_REGION)
    flow, history = cathode.train_flow(
        features[side], m_jj[side], (features[side], m_jj[side]), SETTINGS, 1, "test"
    )
    drawn = flow.sample(np.full(4000, 3.5), 2)
    # Never trained at 3.5 TeV: mean 0.35, width 0.02; 4,000 draws and a short training.
    assert drawn.mean(axis=0) == pytest.approx([0.35, 0.35], abs=0.01)
    low, high = np.quantile(drawn, [0.16, 0.84], axis=0)  # the tails need a longer training
    assert (high - low) / 2 == pytest.approx([0.02, 0.02], rel=0.35)
    assert history["validation_loss"][-1] < history["validation_loss"][0]


def test_masses_are_drawn_inside_the_region_and_follow_the_data():
    random = np.random.default_rng(1)
    own = 3.3 + 0.4 * random.uniform(size=3000) ** 2
    drawn = cathode.draw_masses(own, (3.3, 3.7), 6000, 0.01, random)
    assert len(drawn) == 6000
    assert regions.inside(drawn, (3.3, 3.7)).all()
    assert drawn.mean() == pytest.approx(own.mean(), abs=0.01)


@pytest.fixture(scope="module")
def searched():
    tables = dijet_tables(background=8000, injected=150, test=200)
    return tables, cathode.make_template(tables[0], JOB, 3)


def test_no_flow_sees_the_signal_region_or_its_own_fold(monkeypatch):
    data, _, _ = dijet_tables(background=3000, injected=50)
    seen = []

    class Fake(torch.nn.Module):
        def sample(self, m_jj, seed):
            return np.zeros((len(m_jj), 4))

    def spy(features, m_jj, *_):
        seen.append((features, m_jj))
        return Fake(), {"epoch": [1.0]}

    monkeypatch.setattr(cathode, "train_flow", spy)
    template, check, _, _ = cathode.make_template(data, JOB, 1)
    for fold, (features, m_jj) in enumerate(seen):
        assert not regions.inside(m_jj, SIGNAL_REGION).any()
        own = {row.tobytes() for row in data["features"][data["fold"] == fold]}
        assert not own & {row.tobytes() for row in features}
    side = regions.sidebands(data["m_jj"], SIGNAL_REGION, MASS_RANGE)
    for fold in (0, 1):
        expected = data["m_jj"][side & (data["fold"] == fold)]
        assert np.array_equal(check["m_jj"][check["fold"] == fold], expected)
    assert regions.inside(template["m_jj"], SIGNAL_REGION).all()


def test_the_template_matches_background_and_the_search_finds_the_signal(searched):
    (data, truth, rest), (template, check, _, _) = searched
    side = regions.sidebands(data["m_jj"], SIGNAL_REGION, MASS_RANGE)
    quality = cathode.separation(data["features"][side], check["features"], BOOSTING, 5, 1)
    assert quality["auc"] < 0.56
    scores, _ = cathode.cathode_scores(data, template, [data, rest], CLASSIFIER, 1)
    inside = regions.inside(data["m_jj"], SIGNAL_REGION)
    assert auc(truth["is_signal"][inside], scores.mean(axis=1)[inside]) > 0.8


def test_template_quality_against_its_null():
    random = np.random.default_rng(1)
    first, same = random.standard_normal((2, 1500, 3))
    equal = cathode.separation(first, same, BOOSTING, 5, 1)
    assert abs(equal["null_deviations"]) < 5
    apart = cathode.separation(first, same + 0.3, BOOSTING, 5, 1)
    assert apart["null_deviations"] > 5
    assert apart["auc"] == pytest.approx(
        apart["null_mean"] + apart["null_deviations"] * apart["null_std"]
    )
    assert apart["p_value"] == pytest.approx(1 / 6)


def test_the_template_is_scaled_to_the_data():
    data = np.random.default_rng(1).uniform(size=(500, 4))
    drawn = np.repeat(data, 3, axis=0)  # three events of the template for each of the data
    rows = cathode.feature_distributions({"signal region": (data, drawn)})
    counts = np.array(rows["data"])
    assert counts.sum() > 1900  # but for the tail beyond the last bin
    assert rows["template"] == pytest.approx(counts)
    assert rows["template_error"] == pytest.approx(np.sqrt(3 * counts) / 3)


def test_empty_sidebands_are_refused(data):
    window = regions.inside(data["m_jj"], SIGNAL_REGION)
    only = {name: values[window] for name, values in data.items()}
    with pytest.raises(EmptySampleError, match="No event lies in the sidebands"):
        cathode.make_template(only, JOB, 1)


def test_the_verbs_are_reproducible(tmp_path):
    data, _, rest = dijet_tables(background=1500, injected=50, test=40)
    quick = JOB.model_copy(
        update={
            "template": SETTINGS.model_copy(
                update={"training": TrainingSettings(epochs=1, batch_size=256)}
            )
        }
    )
    check = QualityJob(
        signal_region=SIGNAL_REGION, mass_range=MASS_RANGE, boosting=BOOSTING, permutations=2
    )
    for name, table in (("data", data), ("rest", rest)):
        write_tensors(tmp_path / f"{name}.safetensors", DIJETS, table)

    def run(folder):
        files = {
            name: folder / f"{name}.safetensors"
            for name in ("template", "sideband_template", "weights", "scores", "signal_scores")
        }
        drawn = {name: files[name] for name in ("template", "sideband_template")}
        cathode.template(
            data=tmp_path / "data.safetensors", **drawn, weights=files["weights"],
            history=folder / "history.csv", settings=quick, seed=5,
        )  # fmt: skip
        cathode.classify(
            data=tmp_path / "data.safetensors", signal_test=tmp_path / "rest.safetensors",
            template=files["template"], scores=files["scores"],
            signal_scores=files["signal_scores"], settings=CLASSIFIER, seed=5,
        )  # fmt: skip
        cathode.quality(
            data=tmp_path / "data.safetensors", **drawn, quality=folder / "quality.json",
            distributions=folder / "d.csv", settings=check, seed=5,
        )  # fmt: skip
        return files

    first, second = run(tmp_path / "one"), run(tmp_path / "two")
    for name in first:
        assert first[name].read_bytes() == second[name].read_bytes(), name
    assert read_tensors(first["scores"], SCORES)["score"].shape == (1550, 2)
    assert 0.4 < read_json(tmp_path / "one" / "quality.json")["sidebands"]["auc"] < 0.8
    # The weights on disk are complete: a fresh flow draws the same.
    flows = torch.nn.ModuleList(ConditionalFlow(4, 2, 24, 6) for _ in range(2))
    read_weights(first["weights"], flows)
    assert flows[0].high.min() > 0
