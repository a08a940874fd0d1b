"""Whether outputs of a tagger are probabilities: of jets with 0.3, 30 % are of the class.

As trained, all classes weigh the same and have one spectrum; so they do here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from jetchain.core.io.tables import write_result
from jetchain.core.metrics import binomial_interval, bootstrap
from jetchain.core.schema.taggers_compared import Calibrations, Reliability
from jetchain.core.seeds import derive_seed, generator
from jetchain.core.spectrum import effective_number
from jetchain.core.verbs import Inputs, Output
from jetchain.tagging.scored import read_scored
from jetchain.tagging.settings import CalibrationSettings

Float = NDArray[np.float64]
Flags = NDArray[np.bool_]

EDGES = np.linspace(0.0, 1.0, 11)


def calibration(
    *, scores: Inputs, metrics: Inputs, result: Output, settings: CalibrationSettings, seed: int
) -> None:
    """Compare the outputs of each tagger with how often they are right.

    Args:
        scores, metrics: of `tagging.evaluate`, a file a tagger, in the same order.
        result: where to write the shares by bin of output, and the calibration errors.
        settings: number of replicas.
        seed: of the bootstrap, and of the labels of taggers that are right.
    """
    scored, _ = read_scored(scores, metrics)
    taggers = {
        model: {
            name: reliability(
                jets.probability[:, n].astype(float), jets.of(name), jets.weight,
                settings.bootstrap_replicas, derive_seed(seed, name),
            )
            for n, name in enumerate(jets.classes)
        }
        for model, jets in scored.items()
    }  # fmt: skip
    write_result(result, Calibrations(edges=EDGES.tolist(), taggers=taggers))


def reliability(
    output: Float, truth: Flags, weight: Float, replicas: int, seed: int
) -> Reliability:
    """An output for one class by bins, with the share of jets that are of the class.

    A calibration error is above 0 for a tagger that is right too, since the jets of a bin are few:
    by as much as with labels drawn as its outputs say.

    Args:
        output: for the class; (jets,).
        truth: whether they are of the class; (jets,).
        weight: (jets,).
        replicas: of the bootstrap, and of such labels.
        seed: of both.
    """
    bins = np.clip(np.searchsorted(EDGES, output, side="right") - 1, 0, len(EDGES) - 2)
    number = len(EDGES) - 1
    sums, told, right = (
        np.bincount(bins, each, minlength=number)
        for each in (weight, weight * output, weight * truth)
    )
    filled = sums > 0
    effective = np.array([effective_number(weight[bins == n]) for n in range(number)])
    share = np.where(filled, right / np.where(filled, sums, 1), 0)
    low, high = binomial_interval(share * effective, effective)
    error = bootstrap(
        calibration_error, bins, output, truth, weight,
        replicas=replicas, seed=seed,
    )  # fmt: skip
    random = generator(seed, "calibration")
    chance = [
        calibration_error(bins, output, random.random(len(output)) < output, weight)
        for _ in range(replicas)
    ]
    return Reliability(
        share=(sums / max(sums.sum(), 1e-300)).tolist(),
        output=_known(told / np.where(filled, sums, 1), filled),
        observed=_known(share, filled),
        low=_known(low, filled),
        high=_known(high, filled),
        error=error.value,
        error_std=error.std,
        chance=float(np.mean(chance)),
        chance_high=float(np.percentile(chance, 97.72)),
    )


def calibration_error(
    bins: NDArray[np.integer], output: Float, truth: Flags, weight: Float
) -> float:
    """Distance of a bin's mean output from the share of the class, in the mean over all jets.

    Reference:
        Expected calibration error, arXiv:1706.04599, eq. 3, of the output for one class.
    """
    apart = np.bincount(bins, weight * (output - truth), minlength=len(EDGES) - 1)
    return float(np.abs(apart).sum() / weight.sum())


def _known(values: Float, filled: Flags) -> list[float | None]:
    """None for a bin without jets."""
    return [float(v) if f else None for v, f in zip(values, filled, strict=True)]
