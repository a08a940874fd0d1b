"""A tagger trained again: on a part of the jets, or with another seed; measured, not kept."""

from __future__ import annotations

from jetchain.core.io.tables import write_result
from jetchain.core.schema.tagging import TaggerMetrics
from jetchain.core.seeds import make_deterministic
from jetchain.core.verbs import Input, Inputs, Output
from jetchain.tagging.batches import JetReader
from jetchain.tagging.evaluate import measure, probabilities
from jetchain.tagging.scored import Scored
from jetchain.tagging.settings import LearningSettings, TrainSettings
from jetchain.tagging.train import trained


def learning(
    *,
    dataset: Input,
    jets: Inputs,
    metrics: Output,
    settings: LearningSettings,
    seed: int,
    model: str,
    part: str,
) -> None:
    """Train a tagger on a part of the training jets, in as many steps, and measure it on all tests.

    Validation and test jets are those of the whole training, and so are the standardisation and
    the weights.

    Args:
        dataset: of `tagging.dataset`.
        jets: TAGGING_JETS of its shards.
        metrics: where to write its figures of merit (`TaggerMetrics`).
        settings: of training and evaluation.
        seed: of the training and the bootstrap.
        model: name of the tagger.
        part: one of so many jets is seen.
    """
    write_result(metrics, _trained_and_measured(dataset, jets, settings, seed, model, int(part)))


def repeated(
    *,
    dataset: Input,
    jets: Inputs,
    metrics: Output,
    settings: LearningSettings,
    seed: int,
    model: str,
) -> None:
    """Train a tagger once more on the same jets: what another seed makes of it.

    Args:
        dataset, jets, metrics, settings, model: as in `learning`.
        seed: of the training (first weights, order of the jets) and the bootstrap.
    """
    write_result(metrics, _trained_and_measured(dataset, jets, settings, seed, model, 1))


def _trained_and_measured(
    dataset: Input, jets: Inputs, settings: LearningSettings, seed: int, model: str, part: int
) -> TaggerMetrics:
    own = TrainSettings(**{name: getattr(settings, name) for name in TrainSettings.model_fields})
    network, _, about = trained(dataset, jets, own, seed, model, part)
    make_deterministic(seed)
    test = JetReader(dataset, jets, about.preprocessing).split("test")
    label, weight = test.label.numpy(), test.weight.double().numpy()
    probability = probabilities(network, test, settings.batch_size)
    scored = Scored(label, probability, weight, about.classes)
    replicas = settings.bootstrap_replicas
    return measure(network, about, test, scored, settings.pairs, replicas, seed)
