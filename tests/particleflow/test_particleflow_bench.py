"""The bench of the networks."""

import numpy as np
import pytest
import torch

from helpers.graph_files import mapped_graphs, write_graphs
from jetchain.core.errors import EmptySampleError
from jetchain.core.io.tables import read_result
from jetchain.core.io.tensors import write_weights
from jetchain.core.schema.particleflow_jets import ParticleflowBench
from jetchain.particleflow.algorithms.mlpf import Mlpf
from jetchain.particleflow.bench import OVERLAID, SIZE, bench, overlaid, power_law
from jetchain.particleflow.settings import ParticleflowSettings


def test_events_are_laid_over_each_other_as_one(tmp_path):
    read = mapped_graphs(tmp_path / "graphs.safetensors", 3, charged=2, neutral=3)
    batch = overlaid(read, 2, 2, 3)
    assert len(batch) == 2 * 7  # of each event two tracks and five clusters
    assert batch.event.unique().tolist() == [0]


def test_the_report_has_each_network_with_its_growth(tmp_path):
    settings = ParticleflowSettings()
    (tmp_path / "mlpf").mkdir()
    torch.manual_seed(0)
    write_weights(tmp_path / "mlpf" / "weights.safetensors", Mlpf(settings.mlpf.model))
    graphs = write_graphs(tmp_path / "graphs.safetensors", 2)
    bench(
        graphs=[graphs], weights=[tmp_path / "mlpf" / "weights.safetensors"],
        report=tmp_path / "report.json", settings=settings,
    )  # fmt: skip
    found = read_result(tmp_path / "report.json", ParticleflowBench).networks["mlpf"]
    assert len(found.elements) == len(OVERLAID)
    assert found.elements[1] == pytest.approx(2 * found.elements[0])
    assert np.isfinite(found.exponent)
    assert found.events_per_second > 0


def test_the_rate_is_that_of_the_fitted_power_law():
    """An exact law is found again; scatter of a constant factor up and down changes nothing."""
    elements = np.array([250.0, 400.0, 625.0, 1000.0]) * SIZE / 500
    exact = 3.0 * (elements / SIZE) ** 1.5
    np.testing.assert_allclose(power_law(elements, exact), (1.5, 3.0))
    # Orthogonal to both a constant and the logarithm of the equidistant sizes.
    off = exact * np.exp(0.1 * np.array([1, -1, -1, 1]))
    np.testing.assert_allclose(power_law(elements, off), (1.5, 3.0))


def test_no_event_is_an_error(tmp_path):
    with pytest.raises(EmptySampleError, match="no track or cluster"):
        bench(
            graphs=[write_graphs(tmp_path / "graphs.safetensors", 0)], weights=[],
            report=tmp_path / "report.json", settings=ParticleflowSettings(),
        )  # fmt: skip
