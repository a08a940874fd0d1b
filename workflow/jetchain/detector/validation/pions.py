"""COCOA's own check of its calorimeter: the response to pions of 20 GeV (COCOA/src/RunTest.cc)."""

from __future__ import annotations

from typing import Any

import numpy as np

from jetchain.core.errors import EmptySampleError, samples_of
from jetchain.core.histograms import save_histograms, weighted
from jetchain.core.io.tables import write_result
from jetchain.core.metrics import bootstrap
from jetchain.core.schema.validation import PionsValidation
from jetchain.core.validation import number
from jetchain.core.verbs import Inputs, Output
from jetchain.detector.settings import EstimatorSettings
from jetchain.detector.validation.thrown import Thrown, read_thrown

COCOA = {"charged pion": (0.50, 0.23), "neutral pion": (0.77, 0.16)}
"""Mean and spread of sum E_cell / sum E_true, for pions of 20 GeV."""
TOLERANCE = 0.05
"""By which COCOA's check lets mean and spread differ; it adds no statistical error."""
SOURCE = "COCOA, RunTest.cc, pions of |eta| < 2.5"
EDGES = np.linspace(0.0, 1.6, 65)


def pions(
    *,
    events: Inputs,
    truth: Inputs,
    histograms: Output,
    output: Output,
    settings: EstimatorSettings,
    seed: int,
) -> None:
    """Mean and spread of the clustered energy of pions over their true energy.

    Args:
        events: tables DETECTED of a gun of pions of 20 GeV.
        truth: tables GENERATED of the same shards.
        histograms: written, the response of charged and of neutral pions.
        output: written, mean and spread beside COCOA's; rows for the table of numbers.
        settings: how numbers are estimated.
        seed: of the bootstrap.

    Raises:
        EmptySampleError: the gun threw too few pions of one kind.
    """
    thrown = read_thrown(events, truth)
    ratios = {kind: cocoa_ratio(thrown.of(kind)) for kind in COCOA}
    for kind, ratio in ratios.items():
        if len(ratio) < settings.minimum_entries:
            raise EmptySampleError(
                f"{len(ratio)} events of a {kind} in {samples_of(events)}, fewer than "
                f"detector.validation.estimators.minimum_entries = {settings.minimum_entries}.",
                "Generate more events of the sample detector.validation.pions.",
            )
    found = {kind: cocoa_check(ratio, settings.replicas, seed) for kind, ratio in ratios.items()}
    save_histograms(
        histograms,
        {
            kind: weighted(
                "response", ratio, EDGES, label=r"$\Sigma E_\mathrm{cell}\,/\,E_\mathrm{true}$"
            )
            for kind, ratio in ratios.items()
        },
    )
    rows = [
        number(
            f"{name} of E(cells) / E(true), 20 GeV",
            found[kind][name],
            found[kind][f"{name}_error"],
            sample=kind,
            reference=reference,
            tolerance=TOLERANCE,
            rule="exact",
            source=SOURCE,
        )
        for kind, published in COCOA.items()
        for name, reference in zip(("mean", "spread"), published, strict=True)
    ]
    write_result(output, PionsValidation.model_validate({"kinds": found, "numbers": rows}))


def cocoa_ratio(thrown: Thrown) -> np.ndarray:
    """Energy of all clustered cells over the true energy, (n,): that of the clusters, since the
    shares of a cell add up to 1."""
    return thrown.all_clustered / thrown.energy


def cocoa_check(ratio: np.ndarray, replicas: int, seed: int) -> dict[str, Any]:
    """Mean and standard deviation of the ratio (n,), as RunTest.cc has them, with their errors."""
    return {
        "n": len(ratio),
        "mean": float(ratio.mean()),
        "mean_error": float(ratio.std(ddof=1) / np.sqrt(len(ratio))),
        "spread": float(ratio.std(ddof=1)),
        "spread_error": bootstrap(lambda x: x.std(ddof=1), ratio, replicas=replicas, seed=seed).std,
    }
