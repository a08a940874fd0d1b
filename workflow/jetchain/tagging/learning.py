"""How much better a tagger gets by more jets: it is trained on a part of them."""

from __future__ import annotations

from jetchain.core.io.tables import write_result
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
    own = TrainSettings(**{name: getattr(settings, name) for name in TrainSettings.model_fields})
    network, _, about = trained(dataset, jets, own, seed, model, int(part))
    make_deterministic(seed)
    test = JetReader(dataset, jets, about.preprocessing).split("test")
    label, weight = test.label.numpy(), test.weight.double().numpy()
    probability = probabilities(network, test, settings.batch_size)
    scored = Scored(label, probability, weight, about.classes)
    replicas = settings.bootstrap_replicas
    result = measure(network, about, test, scored, settings.pairs, replicas, seed)
    write_result(metrics, result)
