"""Results of the particle-flow room: a network in another detector than that it learned in."""

from __future__ import annotations

from jetchain.core.schema.base import Result
from jetchain.core.schema.particleflow import Ratio, Spread


class TransferTraining(Result):
    """A training in the other detector, ``transfer/<algorithm>/<start>/<part>/training.json``.

    Attributes:
        start: ``tuned``, from the weights of the first detector, or ``new``, from nothing.
        part: one of so many events is trained on; 0 for none, as the network is.
        events: that are trained on.
        validation: those that choose the best epoch, the same for all parts.
        history: a column a name, an entry an epoch.
    """

    start: str
    part: int
    events: int
    validation: int
    history: dict[str, list[float]]


class TransferredJets(Result):
    """Jets of a sample in one bin of the true pT.

    Attributes:
        pt_low, pt_high: of the bin, GeV.
        response: calibrated pT over the true one, see `particleflow.evaluate_jets`.
    """

    pt_low: float
    pt_high: float
    response: Spread


class TransferMerit(Result):
    """How good particles and jets are.

    Attributes:
        efficiency: of the neutral particles.
        floor: the same by chance, see `particleflow.evaluate`.
        fake_rate: of the neutral particles.
        jets: by sample, in the bin that has most of them.
    """

    efficiency: Ratio
    floor: Ratio
    fake_rate: Ratio
    jets: dict[str, TransferredJets]


class TransferPoint(Result):
    """A training in the other detector, and how good it is there."""

    training: TransferTraining
    merit: TransferMerit


class TransferCurve(Result):
    """Gain against number of events, ``transfer/<algorithm>/curve.json``.

    Attributes:
        algorithm: key of the network.
        home_geometry, geometry: of the detector that it was trained in, and of the other.
        home: how good it is in the former.
        points: in the other, in rising number of events.
    """

    algorithm: str
    home_geometry: str
    geometry: str
    home: TransferMerit
    points: list[TransferPoint]
