"""CATHODE: the flow is a density, contains its data, and follows features that move with m."""

import numpy as np
import pytest
import torch

from helpers.dijets import ALONE, MASS_RANGE, SIGNAL_REGION, dijet_tables
from jetchain.anomaly import search
from jetchain.anomaly.flow import SPLINE_BOUND, ConditionalFlow
from jetchain.anomaly.methods import cathode
from jetchain.anomaly.methods.cathode import CathodeSettings, FlowSettings, TemplateSettings
from jetchain.anomaly.searched import Dijets
from jetchain.anomaly.settings import SearchJob, TemplateJob
from jetchain.background.quality import separation
from jetchain.core.boosting import BoostingSettings
from jetchain.core.dijets import inside, sidebands
from jetchain.core.errors import EmptySampleError
from jetchain.core.io.tensors import read_tensors, read_weights, write_tensors
from jetchain.core.metrics import auc
from jetchain.core.schema.anomaly import DIJETS, SCORES
from jetchain.core.training_settings import TrainingSettings

SETTINGS = TemplateSettings(
    flow=FlowSettings(transforms=2, hidden=24, bins=6),
    training=TrainingSettings(epochs=6, batch_size=256, learning_rate=5e-3, patience=6),
    oversampling=3.0,
)
BOOSTING = BoostingSettings(trainings=2, members=1, iterations=30)
CATHODE = cathode.Cathode(CathodeSettings(template=SETTINGS, boosting=BOOSTING))


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
    side = ~inside(m_jj, SIGNAL_REGION)
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
    assert inside(drawn, (3.3, 3.7)).all()
    assert drawn.mean() == pytest.approx(own.mean(), abs=0.01)


@pytest.fixture(scope="module")
def searched():
    tables = dijet_tables(background=8000, injected=150, test=200)
    return tables, CATHODE.draw(tables[0], SIGNAL_REGION, MASS_RANGE, 3)


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
    drawn = CATHODE.draw(data, SIGNAL_REGION, MASS_RANGE, 1)
    template, check = drawn.template, drawn.sideband_template
    for fold, (features, m_jj) in enumerate(seen):
        assert not inside(m_jj, SIGNAL_REGION).any()
        own = {row.tobytes() for row in data["features"][data["fold"] == fold]}
        assert not own & {row.tobytes() for row in features}
    side = sidebands(data["m_jj"], SIGNAL_REGION, MASS_RANGE)
    for fold in (0, 1):
        expected = data["m_jj"][side & (data["fold"] == fold)]
        assert np.array_equal(check["m_jj"][check["fold"] == fold], expected)
    assert inside(template["m_jj"], SIGNAL_REGION).all()


def test_the_template_matches_background_and_the_search_finds_the_signal(searched):
    (data, truth, rest), drawn = searched
    side = sidebands(data["m_jj"], SIGNAL_REGION, MASS_RANGE)
    quality = separation(
        data["features"][side], drawn.sideband_template["features"], BOOSTING, 5, 1
    )
    assert quality.auc < 0.56
    scored = CATHODE.search(Dijets(data, rest, SIGNAL_REGION), drawn.template, 1)
    chosen = inside(data["m_jj"], SIGNAL_REGION)
    assert auc(truth["is_signal"][chosen], scored.scores.mean(axis=1)[chosen]) > 0.8


def test_empty_sidebands_are_refused(data):
    window = inside(data["m_jj"], SIGNAL_REGION)
    only = {name: values[window] for name, values in data.items()}
    with pytest.raises(EmptySampleError, match="No event lies in the sidebands"):
        CATHODE.draw(only, SIGNAL_REGION, MASS_RANGE, 1)


def test_the_verbs_are_reproducible(tmp_path):
    data, _, rest = dijet_tables(background=1500, injected=50, test=40)
    training = TrainingSettings(epochs=1, batch_size=256)
    section = SETTINGS.model_copy(update={"training": training}).model_dump()
    for name, table in (("data", data), ("rest", rest)):
        write_tensors(tmp_path / f"{name}.safetensors", DIJETS, table)

    def run(folder, trees):
        files = {
            name: folder / f"{name}.safetensors"
            for name in ("template", "sideband_template", "weights", "scores", "signal_scores")
        }
        search.template(
            data=tmp_path / "data.safetensors", template=files["template"],
            sideband_template=files["sideband_template"], weights=files["weights"],
            history=folder / "history.csv", method="cathode", seed=5,
            settings=TemplateJob(
                signal_region=SIGNAL_REGION, mass_range=MASS_RANGE, template=section
            ),
        )  # fmt: skip
        boosting = BOOSTING.model_copy(update={"iterations": trees}).model_dump()
        search.search(
            data=tmp_path / "data.safetensors", signal_test=tmp_path / "rest.safetensors",
            truth=[], template=[files["template"]], scores=files["scores"],
            signal_scores=files["signal_scores"], extras=[], **ALONE, method="cathode", seed=5,
            settings=SearchJob(
                signal_region=SIGNAL_REGION, method={"template": section, "boosting": boosting}
            ),
        )  # fmt: skip
        return files

    first, second, other = (
        run(tmp_path / name, trees) for name, trees in (("one", 30), ("two", 30), ("three", 5))
    )
    assert all(first[name].read_bytes() == second[name].read_bytes() for name in first)
    # The classifier's settings move its scores, and the first stage does not know them.
    moved = {name for name in first if first[name].read_bytes() != other[name].read_bytes()}
    assert moved == {"scores", "signal_scores"}
    assert read_tensors(first["scores"], SCORES)["score"].shape == (1550, 2)
    # The weights on disk are complete: a fresh flow draws the same.
    flows = torch.nn.ModuleList(ConditionalFlow(4, 2, 24, 6) for _ in range(2))
    read_weights(first["weights"], flows)
    assert flows[0].high.min() > 0
