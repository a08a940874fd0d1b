"""A network in another detector: as it is, fine-tuned, and trained anew on as many events.

All trainings of a kind take as many steps: of a part of the events each is seen as many times more.
The parts are nested, the validation is the same for all, and the events that the evaluation takes
are held out as in the first detector, whose collisions these are, with other cells.

Reference of the question, with the particle flow of two detectors of electron-positron colliders:
arXiv 2503.00131.
"""

from __future__ import annotations

from jetchain.core.errors import ConfigurationError
from jetchain.core.io.mapped import Mapped
from jetchain.core.io.tables import read_result, write_result
from jetchain.core.io.tensors import write_weights
from jetchain.core.schema.graphs import EVENT_GRAPHS
from jetchain.core.schema.particleflow import Performance
from jetchain.core.schema.particleflow_jets import JetPerformance, SampleJets
from jetchain.core.schema.particleflow_transfer import (
    TransferCurve,
    TransferMerit,
    TransferPoint,
    TransferredJets,
    TransferTraining,
)
from jetchain.core.verbs import Input, Inputs, Output
from jetchain.particleflow.algorithms import ALGORITHMS
from jetchain.particleflow.network_settings import (
    SetTrainingSettings,
    StageSettings,
    TrainJobSettings,
    TransferJobSettings,
)
from jetchain.particleflow.train import fit_network, sample_of, split, stages_of, training_rows


def transfer(
    *,
    graphs: Inputs,
    initial: Inputs,
    weights: Output,
    training: Output,
    settings: TransferJobSettings,
    seed: int,
    algorithm: str,
    start: str,
    part: str,
) -> None:
    """Train a network on a part of the events of another detector.

    Args:
        graphs: event graphs (EVENT_GRAPHS) of the other detector, one file a shard.
        initial: the weights of the first detector to fine-tune; none to train from nothing, as the
            network's own training does, with its curriculum.
        weights: safetensors of the best epoch.
        training: what was done (TransferTraining).
        settings: network, its training, and epochs and learning rate of the fine-tuning.
        seed: of the initial weights, the split and the shuffling.
        algorithm: its key in ALGORITHMS.
        start: what this training is called, ``tuned`` or ``new``.
        part: one of so many events is trained on; with 0 none, and the weights stay what they are.

    Raises:
        EmptySampleError: there are too few events.
        ConfigurationError: the weights are of another network, or there is nothing to train.
    """
    events, often = Mapped(graphs, EVENT_GRAPHS), int(part)
    if not often and not initial:
        raise ConfigurationError(
            f"{start}/{part}: nothing is trained from nothing on no event.", "Ask for tuned/0."
        )
    sections = {"model": settings.model, "training": settings.training}
    own: SetTrainingSettings = ALGORITHMS.decode(algorithm, sections).training
    plan = repeated(tuned(own, settings) if initial else own, often)
    chosen, validation = split(
        algorithm, training_rows(events, graphs, own), own.validation_fraction, seed
    )
    chosen = chosen[: max(1, len(chosen) // often)] if often else chosen[:0]
    stages = stages_of(algorithm, plan, chosen, validation, sample_of(events, graphs))
    network = TrainJobSettings(**sections | {"training": plan.model_dump()})
    model, history = fit_network(
        algorithm, events, stages if often else [], network, seed, *initial
    )
    write_weights(weights, model)
    write_result(
        training,
        TransferTraining(
            start=start, part=often, events=len(chosen), validation=len(validation), history=history
        ),
    )


def tuned(own: SetTrainingSettings, settings: TransferJobSettings) -> SetTrainingSettings:
    """The training of a fine-tuning: all samples at once, with its own epochs and rate."""
    changed = {"epochs": settings.epochs, "learning_rate": settings.learning_rate}
    return own.model_copy(update={"fit": own.fit.model_copy(update=changed), "curriculum": []})


def repeated(own: SetTrainingSettings, often: int) -> SetTrainingSettings:
    """A training that sees its events so many times more."""
    often, fit = max(often, 1), own.fit
    longer = {"epochs": often * fit.epochs, "patience": often * fit.patience}
    stages = [
        StageSettings(**stage.model_dump() | {"epochs": often * stage.epochs})
        for stage in own.curriculum
    ]
    return own.model_copy(update={"fit": fit.model_copy(update=longer), "curriculum": stages})


def compare(
    *,
    trainings: Inputs,
    performances: Inputs,
    jets: Inputs,
    home: Input,
    home_jets: Input,
    curve: Output,
    algorithm: str,
    geometry: str,
    home_geometry: str,
) -> None:
    """Put together what the trainings in the other detector are worth.

    Args:
        trainings: TransferTraining, a file a training.
        performances, jets: Performance and JetPerformance of the same, in the same order.
        home, home_jets: of the network in the detector that it was trained in.
        curve: TransferCurve.
        algorithm: the network's key.
        geometry, home_geometry: names of the detectors.
    """
    points = [
        TransferPoint(
            training=read_result(one, TransferTraining),
            merit=merit(read_result(two, Performance), read_result(three, JetPerformance)),
        )
        for one, two, three in zip(trainings, performances, jets, strict=True)
    ]
    write_result(
        curve,
        TransferCurve(
            algorithm=algorithm,
            home_geometry=home_geometry,
            geometry=geometry,
            home=merit(read_result(home, Performance), read_result(home_jets, JetPerformance)),
            points=sorted(points, key=lambda each: (each.training.events, each.training.start)),
        ),
    )


def merit(performance: Performance, jets: JetPerformance) -> TransferMerit:
    """The figures of merit; the true jets choose the bin, so it is the same for all trainings."""
    neutral = performance.groups["neutral"]
    return TransferMerit(
        efficiency=neutral.efficiency.overall,
        floor=neutral.floor.overall,
        fake_rate=neutral.fake_rate.overall,
        jets={name: _most(sample, jets.pt_edges) for name, sample in jets.samples.items()},
    )


def _most(sample: SampleJets, edges: list[float]) -> TransferredJets:
    """The bin of pT with most true jets, the softer one of two that have as many."""
    index = max(range(len(sample.pflow)), key=lambda each: sample.pflow[each].jets)
    return TransferredJets(
        pt_low=edges[index], pt_high=edges[index + 1], response=sample.pflow[index].calibrated
    )
