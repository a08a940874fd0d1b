"""Training that leaves the background's masses alone: the term of the loss, and what it does."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from helpers.tagging import fresh, random_jets
from jetchain.core.dependence import distance_correlation
from jetchain.core.errors import ConfigurationError
from jetchain.core.ranks import Ranks
from jetchain.core.schema.graphs import JET_COLUMNS
from jetchain.core.schema.jets import JET_CLASSES
from jetchain.core.settings import parse
from jetchain.core.training import fit, minibatches, moved
from jetchain.core.training_settings import TrainingSettings
from jetchain.tagging.batches import Jets
from jetchain.tagging.decorrelation import batches_of, correlation, cross_entropy, loss_of
from jetchain.tagging.settings import DecorrelationSettings, TaggingSettings

MASS = JET_COLUMNS.index("msd")


def test_the_term_is_the_mean_correlation_of_the_discriminants_of_background_jets() -> None:
    network, jets = fresh("pfn"), random_jets([5] * 70, 6)
    settings = DecorrelationSettings(strength=3.0)
    with torch.no_grad():
        (batch,) = batches_of(settings, [jets])
        loss, number = loss_of(settings, JET_CLASSES)(network, batch)
        plain, same = cross_entropy(network, jets)
        probability = network(jets).softmax(dim=1)
    names = list(JET_CLASSES)
    qcd = [names.index(name) for name in ("quark", "gluon")]
    chosen = np.isin(jets.label, qcd)
    background = probability[chosen][:, qcd].sum(dim=1)
    found = [
        distance_correlation(p / (p + background), jets.jet[chosen, MASS])
        for n, p in enumerate(probability[chosen].T)
        if n not in qcd
    ]
    assert len(found) == 5
    torch.testing.assert_close(loss - plain, 3 * torch.stack(found).mean())
    assert number == same == 70


def test_without_strength_it_is_the_cross_entropy_itself() -> None:
    assert loss_of(DecorrelationSettings(), ["a", "b"]) is cross_entropy


def test_processes_do_not_divide_what_is_no_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    ranks, jets = Ranks(nn.Linear(1, 1)), random_jets([2] * 6, 3)
    monkeypatch.setattr(ranks, "number", 2)
    (plain,) = batches_of(DecorrelationSettings(), [jets])
    assert len(ranks.part(plain)) == 3
    (whole,) = batches_of(DecorrelationSettings(strength=1.0), [jets])
    assert ranks.part(whole) is whole
    assert len(moved(whole, torch.device("cpu")).jets) == 6


def test_of_few_background_jets_there_is_none() -> None:
    logits = torch.randn(3, 4, requires_grad=True)
    term = correlation(logits, torch.ones(3), [0])
    term.backward()
    assert float(term.detach()) == 0


class OfMass(nn.Module):
    """A network of the mass and of something else that tells the classes."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 2))

    def forward(self, jets: Jets) -> torch.Tensor:
        return self.layers(jets.jet[:, [MASS, 0]])


def kept_by_a_cut(jets: Jets, strength: float) -> tuple[float, float]:
    """Share near the signal's mass of the background that is kept over that of all; share kept."""
    torch.manual_seed(1)
    network, settings = OfMass(), DecorrelationSettings(strength=strength, background=["b"])
    fit(
        network,
        batches=lambda random: batches_of(
            settings, (jets[n] for n in minibatches(len(jets), 500, random))
        ),
        validation=lambda: batches_of(settings, [jets]),
        loss=loss_of(settings, ["b", "s"]),
        settings=TrainingSettings(epochs=15, learning_rate=0.02, patience=15),
        seed=1,
        name="toy",
    )
    with torch.no_grad():
        score = network(jets).softmax(dim=1)[:, 1]
    kept = (score > score[jets.label == 1].median())[jets.label == 0]
    near = ((jets.jet[jets.label == 0, MASS] - 1).abs() < 0.5).float()
    return float(near[kept].mean() / near.mean()), float(kept.float().mean())


def test_a_decorrelated_training_leaves_the_mass_and_uses_the_rest() -> None:
    random = np.random.default_rng(1)
    label = np.arange(4000) % 2
    columns = random.normal(size=(4000, len(JET_COLUMNS)))
    columns[:, MASS] = np.where(label, random.normal(1.0, 0.3, 4000), columns[:, MASS])
    columns[:, 0] += 1.2 * label
    jets = Jets.of(
        jet=torch.from_numpy(columns).float(),
        label=torch.from_numpy(label),
        weight=torch.ones(4000),
    )
    found = {strength: kept_by_a_cut(jets, strength) for strength in (0.0, 20.0)}
    assert found[0.0][0] > 2
    assert found[20.0][0] == pytest.approx(1, abs=0.25)
    assert found[0.0][1] < found[20.0][1] < 0.3  # it pays in rejection, and still tells them


@pytest.mark.parametrize(
    ("background", "said"), [(["quak"], "Did you mean"), (list(JET_CLASSES), "none is left")]
)
def test_a_background_that_is_none_is_refused(background: list[str], said: str) -> None:
    training = {"decorrelation": {"strength": 1.0, "background": background}}
    with pytest.raises(ConfigurationError, match=rf"decorrelation\.background.*{said}"):
        parse(TaggingSettings, {"taggers": ["pfn"], "models": {"pfn": {"training": training}}})
