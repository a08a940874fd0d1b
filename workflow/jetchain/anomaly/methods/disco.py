"""Double DisCo: two networks, each a good classifier, with independent outputs on the background.

A search for a signal that is known from simulation, with the background from data: simulated signal
is separated from the data of the sidebands, which count as background although some signal is among
them (1 % where the sidebands hold 100 of 10,000 events: it makes the networks a little worse and
more alike, not the estimate wrong). Events of odd folds are scored by networks trained on even
folds, and the other way round.

Reference: arXiv 2007.14400, eq. 4.1: L = BCE(f) + BCE(g) + lambda dCorr^2(f, g | background), with
a second distance correlation for background with both outputs above their medians (section V).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from jetchain.anomaly.searched import Dijets, Scored
from jetchain.core.dependence import distance_correlation
from jetchain.core.dijets import Array, Table, inside, require_regions, sidebands
from jetchain.core.errors import EmptySampleError
from jetchain.core.metrics import auc
from jetchain.core.seeds import derive_seed, generator, make_deterministic
from jetchain.core.settings import Settings, key
from jetchain.core.training import fit
from jetchain.core.training_settings import TrainingSettings

VALIDATION = 0.1
RANK_FLOOR = 1e-5


class NetworkSettings(Settings):
    """The two decorrelated networks."""

    hidden: int = key(64, "Width of the three hidden layers of each network.", ge=1)
    decorrelation: float = key(
        30.0,
        "Weight lambda of the distance correlation in the loss. At 10 and below the correlation is "
        "still small, but B C / D no longer predicts A after a tight cut.",
        ge=0.0,
    )
    signal_fraction: float = key(0.2, "Fraction of signal events in a batch.", gt=0.0, lt=1.0)
    training: TrainingSettings = key(
        TrainingSettings(epochs=150, batch_size=400, learning_rate=2e-3, patience=150),
        "Training of the two networks.",
    )


class DiscoSettings(Settings):
    """Double DisCo: two decorrelated networks for the ABCD method."""

    networks: NetworkSettings = key(NetworkSettings(), "The networks and their training.")


class Disco:
    """Simulated signal against the data of the sidebands, by networks of the other half."""

    def __init__(self, settings: DiscoSettings) -> None:
        self.settings = settings

    def search(self, dijets: Dijets, seed: int) -> Scored:
        """See `anomaly.searched`; the score joins both ranks, see `joined`."""
        ranked, networks, history = planes_of(dijets, self.settings.networks, seed)
        planes = [
            {"event_id": table["event_id"], "score": plane}
            for table, plane in zip(dijets.tables, ranked, strict=True)
        ]
        scores, signal_scores = (joined(plane)[:, None] for plane in ranked)
        return Scored(
            scores,
            signal_scores,
            extras={
                "planes.safetensors": planes[0],
                "signal_planes.safetensors": planes[1],
                "weights.safetensors": networks,
                "history.csv": history,
            },
        )


class DoubleDisco(nn.Module):
    """Two networks of three hidden layers with batch normalisation after the first.

    Args:
        features: their number.
        hidden: width.
    """

    def __init__(self, features: int, hidden: int) -> None:
        super().__init__()
        self.networks = nn.ModuleList(
            nn.Sequential(
                nn.Linear(features, hidden),
                nn.BatchNorm1d(hidden),
                nn.ReLU(),
                nn.Linear(hidden, hidden),
                nn.ReLU(),
                nn.Linear(hidden, hidden),
                nn.ReLU(),
                nn.Linear(hidden, 1),
            )
            for _ in range(2)
        )
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("scale", torch.ones(features))

    def forward(self, features: Tensor) -> Tensor:
        """Logits (batch, 2) of f and g from features (batch, features)."""
        x = (features - self.mean) / self.scale
        return torch.cat([network(x) for network in self.networks], dim=1)


def disco_loss(logits: Tensor, is_signal: Tensor, decorrelation: float) -> Tensor:
    """The loss of Double DisCo; both classes get the same weight.

    Args:
        logits: (batch, 2) of f and g.
        is_signal: (batch,) 1 or 0.
        decorrelation: lambda.
    """
    signal, background = logits[is_signal == 1], logits[is_signal == 0]
    entropy = sum(
        binary_cross_entropy_with_logits(part, torch.full_like(part, label))
        for part, label in ((signal, 1.0), (background, 0.0))
    )
    outputs = torch.sigmoid(background)
    correlation = distance_correlation(outputs[:, 0], outputs[:, 1])
    above = (outputs > outputs.median(dim=0).values).all(dim=1).detach()
    if above.sum() > 10:
        correlation = correlation + distance_correlation(outputs[above, 0], outputs[above, 1])
    return entropy + decorrelation * correlation


def train_half(
    features: Array, is_signal: NDArray[np.int64], settings: NetworkSettings, seed: int, name: str
) -> tuple[DoubleDisco, dict[str, list[float]]]:
    """Train the two networks on labelled events (events, features).

    Raises:
        EmptySampleError: too few events of a class for one batch.
    """
    make_deterministic(seed, settings.training.threads)
    model = DoubleDisco(features.shape[1], settings.hidden)
    x = torch.as_tensor(features, dtype=torch.float32)
    model.mean.copy_(x.mean(0))
    model.scale.copy_(x.std(0))
    label = torch.as_tensor(is_signal)
    random = generator(seed, "validation")
    classes = [random.permutation(np.flatnonzero(is_signal == each)) for each in (0, 1)]
    if min(map(len, classes)) < 20:
        raise EmptySampleError(
            f"Double DisCo has {len(classes[1])} signal and {len(classes[0])} background events "
            "to train on; it needs at least 20 of each.",
            "Generate more events of anomaly.signal and anomaly.background.",
        )
    held = [each[: max(int(VALIDATION * len(each)), 2)] for each in classes]
    used = [each[len(out) :] for each, out in zip(classes, held, strict=True)]
    size = settings.training.batch_size
    of_signal = max(round(settings.signal_fraction * size), 2)

    def batch(rows: list[NDArray[np.int64]]) -> tuple[Tensor, Tensor]:
        chosen = torch.from_numpy(np.concatenate(rows))
        return x[chosen], label[chosen]

    def batches(random: np.random.Generator) -> Iterable[tuple[Tensor, Tensor]]:
        # An epoch is one pass over the background; the signal is drawn with replacement.
        order = random.permutation(used[0])
        for own in np.array_split(order, max(len(order) // max(size - of_signal, 1), 1)):
            yield batch([own, random.choice(used[1], of_signal)])

    def validation() -> Iterable[tuple[Tensor, Tensor]]:
        parts = max(len(held[0]) // size, 1)
        backgrounds, signals = (np.array_split(each, parts) for each in held)
        return [batch([*parts]) for parts in zip(backgrounds, signals, strict=True)]

    def loss(model: nn.Module, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, int]:
        features, label = batch
        return disco_loss(model(features).float(), label, settings.decorrelation), len(label)

    history = fit(
        model,
        batches=batches,
        validation=validation,
        loss=loss,
        settings=settings.training,
        seed=seed,
        name=name,
    )
    with torch.no_grad():
        areas = [auc(is_signal, output) for output in model(x).numpy().T]
    if areas[1] > areas[0]:  # the stronger network first, in both halves: they share the cuts
        model.networks = nn.ModuleList(reversed(model.networks))
    return model, history


def joined(plane: Array) -> Array:
    """One score (events,) from two independent ranks (events, 2): Fisher's -ln product of tails.

    The largest ranks are 1; the floor is below the spacing of ranks at any scale used here.
    """
    return -np.log(1 - plane + RANK_FLOOR).sum(axis=1)


def planes_of(
    dijets: Dijets, settings: NetworkSettings, seed: int
) -> tuple[list[Array], nn.ModuleList, dict[str, list[float]]]:
    """Cross-train, and rank both outputs of every event.

    An output is replaced by its rank among the sideband data of its half: flat, and the same for
    the networks of both halves.

    Returns:
        Ranks (events, 2) of data and of signal_test; the networks; their history.
    """
    tables, data = dijets.tables, dijets.data
    assert dijets.mass_range is not None  # its line in METHODS declares it
    side = sidebands(data["m_jj"], dijets.signal_region, dijets.mass_range)
    require_regions(data["m_jj"], dijets.in_region, side)
    in_training = (side, inside(dijets.signal_test["m_jj"], dijets.mass_range))
    outputs = [np.zeros((len(table["m_jj"]), 2)) for table in tables]
    models = nn.ModuleList()
    history: dict[str, list[float]] = {}
    for half in (0, 1):
        background, signal = (
            table["features"][chosen & (parity(table) != half)]
            for table, chosen in zip(tables, in_training, strict=True)
        )
        model, record = train_half(
            np.concatenate([background, signal]),
            np.repeat([0, 1], [len(background), len(signal)]),
            settings,
            derive_seed(seed, "half", half),
            f"disco: half {half}",
        )
        models.append(model)
        record = {"half": [float(half)] * len(record["epoch"]), **record}
        history = {name: history.get(name, []) + values for name, values in record.items()}
        for output, table in zip(outputs, tables, strict=True):
            own = parity(table) == half
            with torch.no_grad():
                x = torch.as_tensor(table["features"][own], dtype=torch.float32)
                output[own] = model(x).numpy()
    reference = {"fold": parity(data)[side]}
    ranked = [
        np.stack(
            [ranks(output[:, k], parity(table), reference, outputs[0][side, k]) for k in range(2)],
            axis=1,
        )
        for output, table in zip(outputs, tables, strict=True)
    ]
    return ranked, models, history


def parity(table: Table) -> NDArray[np.int64]:
    """Which half (events,) of the cross-training events belong to, by their fold."""
    return table["fold"] % 2


def ranks(values: Array, fold: NDArray[np.int64], reference: Table, scores: Array) -> Array:
    """The fraction of reference events of the same fold with a smaller score (events,).

    Args:
        values: (events,) scores to rank.
        fold: (events,) their folds.
        reference: table with "fold" of the reference events.
        scores: (reference events,) their scores.
    """
    result = np.zeros(len(values))
    for each in np.unique(fold):
        ladder = np.sort(scores[reference["fold"] == each])
        own = fold == each
        result[own] = np.searchsorted(ladder, values[own]) / max(len(ladder), 1)
    return result
