"""The dijet mass of the signal beside that of true jets, and how far the jets' scale moves it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import hist
import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from jetchain.anomaly.features import COLUMNS, select, triggered
from jetchain.anomaly.settings import ResonanceJob
from jetchain.core.dijets import inside
from jetchain.core.errors import EmptySampleError, no_event, samples_of
from jetchain.core.histograms import save_histograms, weighted
from jetchain.core.io.events import read_events
from jetchain.core.io.tables import read_result, write_result
from jetchain.core.metrics import bootstrap
from jetchain.core.schema.anomaly import JetUncertainties, Resonance
from jetchain.core.schema.jets import JetClosure, UncertaintyRow, jet_collection, jets_table
from jetchain.core.schema.validation import ValidationNumber
from jetchain.core.validation import number
from jetchain.core.verbs import Inputs, Output

Array = NDArray[np.float64]

LEVELS = ("reconstructed", "truth")
WANTED_SHARE = 0.6
"""Least share of the signal in the signal region."""
WANTED_PEAK = 0.01
"""Largest relative distance of the peak from that of true jets."""
CORE = 0.4
"""The peak is the mean of the shortest interval of mass that holds this share of the events."""
REPLICAS = 200
SCALED = {"jes": ("pt", "m"), "jms": ("m",)}
"""The columns that a scale of jets moves."""


def resonance(
    *,
    signal: Inputs,
    closure: Inputs,
    histograms: Output,
    summary: Output,
    settings: ResonanceJob,
    seed: int,
) -> None:
    """Measure where the signal's dijet mass lies, and how sure its share in the region is.

    Args:
        signal: jets of the signal samples.
        closure: `JetClosure`; none where jets are not calibrated.
        histograms: written, the dijet mass by level, TeV.
        summary: written, `Resonance`.
        settings: radius, trigger and signal region.
        seed: of the bootstrap.

    Raises:
        EmptySampleError: no event, or none that passes the trigger.
    """
    tables = [_read(path, settings.radius) for path in signal]
    rows = [row for path in closure for row in read_result(path, JetClosure).uncertainties]
    mine = [row for row in rows if row.radius == settings.radius]
    trigger, region = settings.trigger_pt, settings.signal_region
    if not sum(len(each["truth"]) for each in tables):
        raise no_event(signal)
    masses = {
        level: np.concatenate([select(each[level], trigger)[0] for each in tables])
        for level in LEVELS
    }
    if not all(map(len, masses.values())):
        raise EmptySampleError(
            f"No signal event passes the trigger in {samples_of(signal)}.",
            "Generate more signal events, or lower anomaly.features.trigger_pt.",
        )
    shares = {level: float(inside(each, region).mean()) for level, each in masses.items()}
    peaks = {
        level: bootstrap(peak, each, replicas=REPLICAS, seed=seed) for level, each in masses.items()
    }
    jets = [each["reconstructed"] for each in tables]
    save_histograms(histograms, {level: mass_histogram(each) for level, each in masses.items()})
    write_result(
        summary,
        Resonance(
            signal_region_tev=(region[0], region[1]),
            events={level: len(each) for level, each in masses.items()},
            share=shares,
            peak_tev={level: each.value for level, each in peaks.items()},
            peak_error_tev={level: each.std for level, each in peaks.items()},
            jets=uncertainties(jets, mine, trigger, region),
            numbers=numbers(masses, shares, peaks, settings),
        ),
    )


def peak(masses: Array) -> float:
    """Mean of the shortest interval that holds `CORE` of the masses (events,)."""
    ordered = np.sort(masses)
    width = max(1, round(CORE * len(ordered)))
    first = np.argmin(ordered[width - 1 :] - ordered[: len(ordered) - width + 1])
    return float(ordered[first : first + width].mean())


def uncertainties(
    jets: list[Any], rows: list[UncertaintyRow], trigger_pt: float, region: Sequence[float]
) -> JetUncertainties | None:
    """Relative changes of the signal in the region by the scales and the resolution of its jets.

    Each scale of both jets goes up and down together, trigger included. The resolution smears the
    dijet mass, whose relative width is half that of both jets' pT in quadrature, by what the
    resolution plus its uncertainty has more than the resolution: each event counts as the part of
    its Gaussian in the region. That of the jets' masses does not count: these are a few per cent of
    the squared dijet mass.

    Args:
        jets: reconstructed ones of some shards, jagged records (events, var) of `COLUMNS`.
        rows: of the jets' radius.
        trigger_pt: GeV.
        region: TeV.

    Returns:
        The changes; none without rows, or without signal in the region.
    """

    def events_inside(of: list[Any]) -> float:
        return sum(float(inside(select(each, trigger_pt)[0], region).sum()) for each in of)

    nominal = events_inside(jets)
    if not rows or not nominal:
        return None
    (jes_up, jes_down), (jms_up, jms_down) = (
        [
            events_inside([scaled(each, rows, by, sign) for each in jets]) / nominal - 1
            for sign in (1.0, -1.0)
        ]
        for by in SCALED
    )
    smeared = 0.0
    for each in jets:
        m_jj, _, _ = select(each, trigger_pt)
        pair, finite = triggered(each, trigger_pt)
        jer, more = (
            look_up(rows, name, pair["pt"].ravel(), pair["eta"].ravel()).reshape(-1, 2)[finite]
            for name in ("jer", "jer_uncertainty")
        )
        width = m_jj * np.hypot(*np.sqrt((jer + more) ** 2 - jer**2).T) / 2
        low, high = (ndtr((edge - m_jj) / np.maximum(width, 1e-12)) for edge in region)
        smeared += float(np.sum(high - low))
    resolution = smeared / nominal - 1
    return JetUncertainties(
        jes_up=jes_up,
        jes_down=jes_down,
        jms_up=jms_up,
        jms_down=jms_down,
        jer=resolution,
        total=float(
            np.linalg.norm(
                [
                    max(abs(jes_up), abs(jes_down)),
                    max(abs(jms_up), abs(jms_down)),
                    resolution,
                ]
            )
        ),
    )


def scaled(jets: Any, rows: list[UncertaintyRow], by: str, sign: float) -> Any:
    """Jets (events, var) with a scale of `SCALED` up or down by its uncertainty."""
    import awkward as ak

    pt, eta = (ak.to_numpy(ak.flatten(jets[name])) for name in ("pt", "eta"))
    return moved(jets, 1.0 + sign * look_up(rows, by, pt, eta), SCALED[by])


def moved(jets: Any, factor: Array, columns: Sequence[str]) -> Any:
    """Jets (events, var) with some columns times a factor of each jet (jets,)."""
    import awkward as ak

    factors = ak.unflatten(factor, ak.num(jets["pt"]))
    return ak.zip(
        {name: jets[name] * factors if name in columns else jets[name] for name in COLUMNS}
    )


def look_up(rows: list[UncertaintyRow], name: str, pt: Array, eta: Array) -> Array:
    """A column of the table of uncertainties for jets (jets,), of the nearest bin if none holds it.

    Args:
        rows: at least one.
        name: of the column.
        pt: GeV.
        eta: of the jets.
    """

    def outside(value: Array, low: str, high: str, scale: Any) -> Array:
        edges = scale(np.array([[getattr(row, low), getattr(row, high)] for row in rows]))
        return np.maximum(0.0, np.maximum(edges[:, 0] - value, value - edges[:, 1]))

    gap = outside(np.log(pt)[:, None], "pt_low", "pt_high", np.log)
    gap = gap + outside(np.abs(eta)[:, None], "eta_low", "eta_high", np.asarray)
    return np.array([getattr(row, name) for row in rows])[np.argmin(gap, axis=1)]


def numbers(
    masses: dict[str, Array], shares: dict[str, float], peaks: Any, settings: ResonanceJob
) -> list[ValidationNumber]:
    """Rows of the validation: the share of the signal in its region, and the peak."""
    low, high = settings.signal_region
    quantity = f"share of the signal in {low:g} to {high:g} TeV"
    true = peaks["truth"]
    errors = {
        level: float(np.sqrt(share * (1 - share) / len(masses[level])))
        for level, share in shares.items()
    }
    return [
        number(
            f"{quantity}, reconstructed jets", shares["reconstructed"], errors["reconstructed"],
            sample="signal past the trigger", reference=1.0, tolerance=1.0 - WANTED_SHARE,
            rule="measured",
            source=f"at least {WANTED_SHARE:g}; that of true jets is the next line",
        ),
        number(
            f"{quantity}, true jets", shares["truth"], errors["truth"],
            sample="signal past the trigger",
        ),
        number(
            "peak of the signal's dijet mass", peaks["reconstructed"].value,
            float(np.hypot(peaks["reconstructed"].std, true.std)), unit="TeV",
            sample="signal past the trigger", reference=true.value,
            tolerance=WANTED_PEAK * true.value, rule="measured", source="that of true jets; 1 %",
        ),
    ]  # fmt: skip


def mass_histogram(m_jj: Array) -> hist.Hist:
    """The dijet mass (events,) in TeV."""
    return weighted("m_jj", m_jj, np.linspace(2.0, 5.0, 61), label="dijet mass [TeV]")


def _read(path: Path, radius: float) -> dict[str, Any]:
    names = {level: jet_collection(radius, level == "truth") for level in LEVELS}
    table = jets_table((radius,))
    found = read_events(path, table, {name: list(COLUMNS) for name in names.values()})
    return {level: found[name] for level, name in names.items()}
