"""Double DisCo: two networks, each a good classifier, with independent outputs on the background.

A search for a signal that is known from simulation, with the background from data: simulated signal
is separated from the data of the sidebands, which count as background although some signal is among
them (1 % where the sidebands hold 100 of 10,000 events: it makes the networks a little worse and
more alike, not the estimate wrong). Events of odd folds are scored by networks trained on even
folds, and the other way round.

Reference: arXiv 2007.14400, eq. 4.1: L = BCE(f) + BCE(g) + lambda dCorr^2(f, g | background), here
in slices of the mass. That alone does not close after tight cuts: as in ABCDisCoTEC (CMS, arXiv
2506.08826) the non-closure itself, with counts that are differentiable, is a second term, and
neither weight is set by hand. Both terms are constraints, dCorr^2 and the mean of log^2(A D / B C)
at most what the settings allow. Their multipliers rise while a constraint is violated and fall
while it holds, as in the differential method of multipliers; they do so by factors, which depend
on no scale, and have no damping term. A training is a saddle point, and may end away from it: where
it ended is measured on events that took no part in it (`anomaly.constraints`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from jetchain.anomaly.constraints import LOOSEST, dependence_in_slices, measured
from jetchain.anomaly.methods import CONSTRAINTS_FILE
from jetchain.anomaly.planes import parity, planes
from jetchain.anomaly.searched import Dijets, Scored
from jetchain.core.dijets import Array, inside, require_regions, sidebands
from jetchain.core.errors import EmptySampleError
from jetchain.core.metrics import auc
from jetchain.core.norm import BatchNorm
from jetchain.core.schema.anomaly import Constraint, Constraints
from jetchain.core.seeds import derive_seed, make_deterministic
from jetchain.core.settings import Settings, key
from jetchain.core.training import fit
from jetchain.core.training_settings import TrainingSettings

RANK_FLOOR = 1e-5
CUTS = 8
"""Random cuts of a step."""
SOFTNESS = 0.1
"""Width of the sigmoid in place of a cut, in standard deviations of the output."""
FIRST_MULTIPLIER, RATE = 2e-3, 0.02
"""Of a constraint in units of what it allows; the most that a step changes its logarithm."""


class NetworkSettings(Settings):
    """The two decorrelated networks."""

    hidden: int = key(32, "Width of the three hidden layers of each network.", ge=1)
    correlation: float = key(
        1e-3,
        "Squared distance correlation of the outputs on the background that training allows.",
        gt=0.0,
    )
    slices: int = key(
        3, "Slices of the dijet mass in which it is measured, of as many events each.", ge=1
    )
    nonclosure: float = key(
        0.05,
        "Non-closure, |log(A D / B C)| on the background, that training allows at cuts drawn at "
        "random in each step.",
        gt=0.0,
    )
    tightest: float = key(
        0.002,
        "Smallest fraction of the background that these cuts keep in region A; the largest is 0.3.",
        gt=0.0,
        lt=0.3,
    )
    signal_fraction: float = key(0.2, "Fraction of signal events in a batch.", gt=0.0, lt=1.0)
    training: TrainingSettings = key(
        TrainingSettings(epochs=133, batch_size=5000, learning_rate=1e-2, patience=133),
        "Training of the two networks. Small batches know neither constraint; the weights are "
        "those of the last epoch.",
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
        found = planes_of(dijets, self.settings.networks, seed)
        planes = [
            {"event_id": table["event_id"], "score": plane}
            for table, plane in zip(dijets.tables, found.ranks, strict=True)
        ]
        return Scored.of(
            [joined(plane)[:, None] for plane in found.ranks],
            {
                "planes.safetensors": planes[0],
                "signal_planes.safetensors": planes[1],
                "weights.safetensors": found.networks,
                "history.csv": found.history,
                CONSTRAINTS_FILE: found.constraints,
            },
        )


class DoubleDisco(nn.Module):
    """Two networks of three hidden layers with batch normalisation after the first.

    The multipliers of its training are buffers, for what a training changes is in the state_dict.

    Args:
        features: their number.
        hidden: width.
    """

    multipliers: Tensor
    steps: Tensor

    def __init__(self, features: int, hidden: int) -> None:
        super().__init__()
        self.networks = nn.ModuleList(
            nn.Sequential(
                nn.Linear(features, hidden),
                BatchNorm(hidden),
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
        self.register_buffer("multipliers", torch.full((2,), FIRST_MULTIPLIER))
        self.register_buffer("steps", torch.zeros(()))

    def forward(self, features: Tensor) -> Tensor:
        """Logits (batch, 2) of f and g from features (batch, features)."""
        x = (features - self.mean) / self.scale
        return torch.cat([network(x) for network in self.networks], dim=1)


def entropy(logits: Tensor, is_signal: Tensor) -> Tensor:
    """Cross-entropy of both outputs (batch, 2); both classes get the same weight."""
    return sum(
        (
            binary_cross_entropy_with_logits(part, torch.full_like(part, label))
            for part, label in ((logits[is_signal == 1], 1.0), (logits[is_signal == 0], 0.0))
        ),
        start=torch.zeros(()),
    )


def soft_nonclosure(logits: Tensor, tightest: float) -> Tensor:
    """The mean of log^2(A D / B C) of background events at random cuts, less its variance.

    An event passes a cut by a sigmoid, so that the counts have gradients.

    Args:
        logits: (events, 2).
        tightest: smallest fraction of the events in region A.
    """
    kept = torch.exp(logits.new_empty(CUTS, 1).uniform_(math.log(tightest), math.log(LOOSEST)))
    share = logits.new_empty(CUTS, 1).uniform_(0.25, 0.75)  # of the first cut in the work, in logs
    fractions = torch.cat([kept**share, kept ** (1 - share)], dim=1)
    with torch.no_grad():
        ladder = torch.sort(logits, dim=0).values
        place = ((1 - fractions) * (len(logits) - 1)).long()
        cuts = torch.gather(ladder, 0, place)
        width = SOFTNESS * logits.std(0) + 1e-6
    f, g = torch.sigmoid((logits - cuts[:, None]) / width).unbind(2)  # (cuts, events)
    regions = torch.stack([f * g, f * (1 - g), (1 - f) * g, (1 - f) * (1 - g)])
    counts = regions.sum(2) + 1
    log_kappa = (torch.log(counts) * counts.new_tensor([[1.0], [-1.0], [-1.0], [1.0]])).sum(0)
    variance = ((regions**2).sum(2) / counts**2).sum(0).detach()
    return (log_kappa**2 - variance).mean()


def lagrangian(
    model: DoubleDisco, batch: tuple[Tensor, Tensor, Tensor], settings: NetworkSettings
) -> tuple[Tensor, int]:
    """The loss of a batch of features, labels and masses; it moves the multipliers."""
    features, is_signal, m_jj = batch
    logits = model(features).float()
    background = logits[is_signal == 0]
    used = torch.stack(  # of what is allowed
        [
            dependence_in_slices(background, m_jj[is_signal == 0], settings.slices)
            / settings.correlation,
            soft_nonclosure(background, settings.tightest) / settings.nonclosure**2,
        ]
    )
    loss = entropy(logits, is_signal) + model.multipliers.clone() @ used
    model.multipliers *= torch.exp(RATE * (used.detach() - 1).clamp(-1, 1))
    model.steps += 1
    return loss, len(is_signal)


def train_half(
    features: Array,
    m_jj: Array,
    is_signal: NDArray[np.int64],
    settings: NetworkSettings,
    seed: int,
    name: str,
) -> tuple[DoubleDisco, dict[str, list[float]]]:
    """Train the two networks on labelled events: features (events, features), masses (events,).

    Raises:
        EmptySampleError: too few events of a class for one batch.
    """  # fmt: skip
    make_deterministic(seed, settings.training.threads)
    model = DoubleDisco(features.shape[1], settings.hidden)
    x, masses = (torch.as_tensor(each, dtype=torch.float32) for each in (features, m_jj))
    model.mean.copy_(x.mean(0))
    model.scale.copy_(torch.where(x.std(0) > 0, x.std(0), 1.0))
    label = torch.as_tensor(is_signal)
    backgrounds, signals = (np.flatnonzero(is_signal == each) for each in (0, 1))
    if min(len(backgrounds), len(signals)) < 20:
        raise EmptySampleError(
            f"Double DisCo has {len(signals)} signal and {len(backgrounds)} background events "
            "to train on; it needs at least 20 of each.",
            "Generate more events of anomaly.signal and anomaly.background.",
        )
    size = settings.training.batch_size
    of_signal = max(round(settings.signal_fraction * size), 2)

    def batch(rows: NDArray[np.int64]) -> tuple[Tensor, Tensor, Tensor]:
        chosen = torch.from_numpy(rows)
        return x[chosen], label[chosen], masses[chosen]

    def batches(random: np.random.Generator) -> Iterable[tuple[Tensor, Tensor, Tensor]]:
        # An epoch is one pass over the background; the signal is drawn with replacement.
        order = random.permutation(backgrounds)
        for own in np.array_split(order, max(len(order) // max(size - of_signal, 1), 1)):
            yield batch(np.concatenate([own, random.choice(signals, of_signal)]))

    def to_come(model: nn.Module, batch: Any) -> tuple[Tensor, int]:
        # The last epoch is the best: a saddle point is the minimum of no loss, and the learning
        # rate has fallen to zero there.
        return 1 / (1 + model.get_buffer("steps")), 1

    history = fit(
        model,
        batches=batches,
        validation=lambda: [batch(backgrounds[:2])],
        loss=lambda model, batch: lagrangian(cast(DoubleDisco, model), batch, settings),
        criterion=to_come,
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


@dataclass(frozen=True)
class Planes:
    """What the cross-training gives.

    Attributes:
        ranks: (events, 2) of all tables.
        networks: of both halves.
        history: of their trainings.
        constraints: where these ended.
    """

    ranks: list[Array]
    networks: nn.ModuleList
    history: dict[str, list[float]]
    constraints: Constraints


def planes_of(dijets: Dijets, settings: NetworkSettings, seed: int) -> Planes:
    """Cross-train, and rank both outputs of every event.

    An output is replaced by its rank among the sideband data of its half: flat, and the same for
    the networks of both halves. On the same events, which took no part in their training, the
    constraints are measured.
    """
    tables, data = dijets.tables, dijets.data
    trained_on = (data, dijets.signal_test)
    assert dijets.mass_range is not None  # its line in METHODS declares it
    side = sidebands(data["m_jj"], dijets.signal_region, dijets.mass_range)
    require_regions(data["m_jj"], dijets.in_region, side)
    in_training = (side, inside(dijets.signal_test["m_jj"], dijets.mass_range))
    outputs = [np.zeros((len(table["m_jj"]), 2)) for table in tables]
    models = nn.ModuleList()
    history: dict[str, list[float]] = {}
    ends = []
    for half in (0, 1):
        used = [
            chosen & (parity(table) != half)
            for table, chosen in zip(trained_on, in_training, strict=True)
        ]
        features, m_jj = (
            np.concatenate([table[name][own] for table, own in zip(trained_on, used, strict=True)])
            for name in ("features", "m_jj")
        )
        labels = np.repeat([0, 1], [own.sum() for own in used])
        model, record = train_half(
            features, m_jj, labels, settings, derive_seed(seed, "half", half), f"disco: half {half}"
        )
        models.append(model)
        record = {"half": [float(half)] * len(record["epoch"]), **record}
        history = {name: history.get(name, []) + values for name, values in record.items()}
        for output, table in zip(outputs, tables, strict=True):
            own = parity(table) == half
            with torch.no_grad():
                x = torch.as_tensor(table["features"][own], dtype=torch.float32)
                output[own] = model(x).numpy()
        own = side & (parity(data) == half)
        make_deterministic(derive_seed(seed, "judge", half), settings.training.threads)
        ends.append(
            measured(outputs[0][own], data["m_jj"][own], settings.slices, settings.tightest)
        )
    ranked = [
        planes(output, table, outputs[0][side], data, side)
        for output, table in zip(outputs, tables, strict=True)
    ]
    return Planes(ranked, models, history, constraints_of(ends, settings))


def constraints_of(
    ends: Sequence[Mapping[str, tuple[float, float]]], settings: NetworkSettings
) -> Constraints:
    """What `measured` found of each half beside what is allowed."""
    allowed = {"correlation": settings.correlation, "nonclosure": settings.nonclosure**2}
    return Constraints(
        constraints=[
            Constraint(
                name=name,
                allowed=limit,
                values=[end[name][0] for end in ends],
                errors=[end[name][1] for end in ends],
            )
            for name, limit in allowed.items()
        ]
    )
