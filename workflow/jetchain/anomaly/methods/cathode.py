"""CATHODE: a flow learns the background in the sidebands and draws it in the signal region.

The first stage trains one flow a fold on the sidebands of the other folds and draws background-like
events in the signal region; the second separates the data of the signal region from them.

Reference: arXiv 2109.00546.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from jetchain.anomaly.flow import ConditionalFlow
from jetchain.anomaly.searched import Dijets, Drawn, Scored
from jetchain.core.boosting import BoostingSettings
from jetchain.core.dijets import Array, Table, inside, require_regions, sidebands
from jetchain.core.errors import EmptySampleError
from jetchain.core.schema.anomaly import ANOMALY_FEATURES
from jetchain.core.seeds import derive_seed, generator, make_deterministic
from jetchain.core.settings import Settings, key
from jetchain.core.training import fit, minibatches
from jetchain.core.training_settings import TrainingSettings

VALIDATION = 0.1  # fraction of the training events that early stopping watches


class FlowSettings(Settings):
    """Conditional neural spline flow."""

    transforms: int = key(3, "Coupling blocks of the flow.", ge=1)
    hidden: int = key(64, "Width of the two hidden layers of each network.", ge=1)
    bins: int = key(8, "Pieces of each spline.", ge=2)


class TemplateSettings(Settings):
    """The background template of CATHODE."""

    flow: FlowSettings = key(FlowSettings(), "The density estimator.")
    training: TrainingSettings = key(
        TrainingSettings(epochs=12, batch_size=512, learning_rate=3e-3, patience=6),
        "Training of the flow on the sidebands.",
    )
    oversampling: float = key(
        4.0, "Template events per data event of the signal region and fold.", gt=0.0
    )
    bandwidth: float = key(
        0.01,
        "Bandwidth of the kernel density estimate of the dijet mass.",
        unit="TeV",
        gt=0.0,
    )


class CathodeSettings(Settings):
    """CATHODE: a background template from a flow, interpolated into the signal region."""

    template: TemplateSettings = key(TemplateSettings(), "Flows, and what is drawn from them.")
    boosting: BoostingSettings = key(BoostingSettings(), "Ensembles: data against template.")


class Cathode:
    """Data of the signal region against what the flows draw there."""

    def __init__(self, settings: CathodeSettings) -> None:
        self.settings = settings

    def search(self, dijets: Dijets, template: Table, seed: int) -> Scored:
        """See `anomaly.searched`.

        The classifier of a fold sees the data of the other folds, and the template of the flow that
        saw the other folds.
        """
        data, in_region = dijets.data, dijets.in_region

        def training_set(fold: int, random: np.random.Generator) -> tuple[Array, NDArray[np.int64]]:
            own = data["features"][in_region & (data["fold"] != fold)]
            drawn = template["features"][template["fold"] == fold]
            labels = np.repeat([1, 0], [len(own), len(drawn)])
            return np.concatenate([own, drawn]), labels

        return dijets.cross_train(training_set, self.settings.boosting, seed, "cathode", trees=True)

    def draw(
        self, data: Table, signal_region: Sequence[float], mass_range: Sequence[float], seed: int
    ) -> Drawn:
        """Train a flow a fold and draw from it.

        The events at the masses of the sidebands are each from the flow that was not trained on
        their fold.

        Raises:
            EmptySampleError: no event in the signal region or in the sidebands, or a feature that
                is the same for all of these.
        """
        settings = self.settings.template
        low, high = signal_region
        in_region = inside(data["m_jj"], (low, high))
        side = sidebands(data["m_jj"], signal_region, mass_range)
        require_regions(data["m_jj"], in_region, side)
        calibration = (data["features"][side], data["m_jj"][side])
        for name, column in zip(ANOMALY_FEATURES, calibration[0].T, strict=True):
            if np.ptp(np.float32(column)) == 0:
                raise EmptySampleError(
                    f"{name} is {column[0]:g} for all {len(column)} events of the sidebands: a "
                    "flow has no density of it.",
                    "Look at how this feature is made, or leave CATHODE out of anomaly.searches.",
                )
        flows = nn.ModuleList()
        template: list[Table] = []
        check: list[Table] = []
        history: dict[str, list[float]] = {}
        for fold in range(int(data["fold"].max()) + 1):
            others = data["fold"] != fold
            own = derive_seed(seed, "flow", fold)
            flow, record = train_flow(
                data["features"][side & others],
                data["m_jj"][side & others],
                calibration,
                settings,
                own,
                f"cathode: flow {fold}",
            )
            flows.append(flow)
            record = {"fold": [float(fold)] * len(record["epoch"]), **record}
            history = {name: history.get(name, []) + values for name, values in record.items()}
            source = data["m_jj"][in_region & others]
            masses = draw_masses(
                source,
                (low, high),
                round(settings.oversampling * len(source)),
                settings.bandwidth,
                generator(own, "masses"),
            )
            template.append(_table(masses, flow.sample(masses, derive_seed(own, "template")), fold))
            held_out = data["m_jj"][side & ~others]
            check.append(_table(held_out, flow.sample(held_out, derive_seed(own, "check")), fold))
        return Drawn(_join(template), _join(check), flows, history)


def train_flow(
    features: Array, m_jj: Array, calibration: tuple[Array, Array], settings: TemplateSettings,
    seed: int, name: str,
) -> tuple[ConditionalFlow, dict[str, list[float]]]:  # fmt: skip
    """Train one flow.

    Args:
        features: (events, features) to train on.
        m_jj: (events,) TeV.
        calibration: features and masses whose range the flow must cover.
        settings: of the flow and its training.
        seed: of initial weights and shuffling.
        name: for the progress lines.

    Returns:
        The flow and its history.
    """
    make_deterministic(seed, settings.training.threads)
    flow = ConditionalFlow(
        features.shape[1], settings.flow.transforms, settings.flow.hidden, settings.flow.bins
    )
    flow.calibrate(*calibration)
    order = generator(seed, "validation").permutation(len(features))
    held = max(int(VALIDATION * len(order)), 1)
    x = torch.as_tensor(features, dtype=torch.float32)
    m = torch.as_tensor(m_jj, dtype=torch.float32)

    def batch(rows: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        chosen = torch.from_numpy(rows)
        return x[chosen], m[chosen]

    def batches(random: np.random.Generator) -> Iterable[tuple[Tensor, Tensor]]:
        chosen = order[held:]
        for rows in minibatches(len(chosen), settings.training.batch_size, random):
            yield batch(chosen[rows])

    def validation() -> Iterable[tuple[Tensor, Tensor]]:
        return [batch(order[:held])]

    def loss(model: nn.Module, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, int]:
        assert isinstance(model, ConditionalFlow)
        return -model.log_prob(*batch).mean(), len(batch[0])

    history = fit(
        flow,
        batches=batches,
        validation=validation,
        loss=loss,
        settings=settings.training,
        seed=seed,
        name=name,
    )
    return flow, history


def draw_masses(
    m_jj: Array, region: tuple[float, float], number: int, bandwidth: float,
    random: np.random.Generator,
) -> Array:  # fmt: skip
    """Masses (number,) from a Gaussian kernel density estimate, cut to the region.

    Args:
        m_jj: (events,) masses of the data in the region, TeV.
        region: low and high edge.
        number: how many to draw.
        bandwidth: width of the kernel, TeV.
        random: draws.
    """
    drawn = np.zeros(0)
    while len(drawn) < number:
        trial = random.choice(m_jj, 2 * number) + bandwidth * random.standard_normal(2 * number)
        drawn = np.concatenate([drawn, trial[inside(trial, region)]])
    return drawn[:number]


def _table(m_jj: Array, features: Array, fold: int) -> Table:
    return {"m_jj": m_jj, "features": features, "fold": np.full(len(m_jj), fold)}


def _join(tables: list[Table]) -> Table:
    joined = {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}
    return {"event_id": np.arange(len(joined["m_jj"])), **joined}
