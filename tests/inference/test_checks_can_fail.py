"""Each check on events, spectra and toys with the fault that it is about, beside sound ones.

The numbers come from the functions and verbs that make them in a run. Few replicas are no fault of
a method: their check is undecided below ten. That of coverage takes too many fits, and that of
linearity too many replicas, to be seen failing here.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import norm

from helpers.dijets import MASS_RANGE, SIGNAL_REGION, dijet_tables
from jetchain.anomaly import constraints as of_training
from jetchain.anomaly import scan, scan_summary
from jetchain.anomaly.settings import JudgementJob
from jetchain.background import bump_hunt, closure, quality
from jetchain.background.settings import AbcdJob, SpectrumSettings
from jetchain.background.shape import fit_shape
from jetchain.background.sideband import summarise
from jetchain.background.spectrum import bin_spectrum
from jetchain.core.boosting import BoostingSettings
from jetchain.core.io.tables import read_result
from jetchain.core.io.tensors import write_tensors
from jetchain.core.schema.anomaly import DIJET_TRUTH, DIJETS, SCORES, Constraint, Constraints
from jetchain.core.schema.background import (
    AbcdClosure,
    SpectrumClosure,
    SpectrumClosureAtCut,
    SpectrumFits,
    TemplateClosure,
    TemplateQuality,
)
from jetchain.core.schema.bump_hunt import BumpHunt
from jetchain.core.schema.scan import Injection, Judgement, ScanSummary
from jetchain.inference.checks import method_checks
from jetchain.inference.limits import LimitJob, asymptotic_limits, toy_limits
from jetchain.inference.measure import MeasureJob, measured
from jetchain.inference.settings import FitSettings, LimitSettings, WorkspaceSettings
from jetchain.inference.workspace import build
from jetchain.inference.yields import Yields

SPECTRUM = SpectrumSettings(toys=100)


def statuses(folds=4, blind=True, scans=(), **files):
    """What the checks of a method say, by name."""
    named = {kind: (f"{kind}.json", result) for kind, result in files.items()}
    found = method_checks("any", named, list(scans), folds, blind).checks
    return {each.name: each.status for each in found}


# ------------------------------------------------------------------------------ spectra


def masses(number, random):
    return 2.8 + random.exponential(0.6, number)


def binned(events, random):
    return bin_spectrum(
        events, MASS_RANGE, SIGNAL_REGION, 0.1, (3.5 + 0.15 * random.standard_normal(20_000), 0.02)
    )


def fits(found):
    return SpectrumFits(method="any", efficiency=1.0, fits={"1": summarise(found)})


def test_the_fit_of_the_mass_fails_for_a_spectrum_with_a_step() -> None:
    random = np.random.default_rng(1)
    events = masses(20_000, random)
    sound = fits(fit_shape(binned(events, random), SPECTRUM, random))
    assert statuses(fits=sound)["fit of the mass"] == "passed"
    # A trigger that misses a fifth from 4.2 to 4.6 TeV.
    missed = (events > 4.2) & (events < 4.6) & (random.random(len(events)) < 0.25)
    faulty = fits(fit_shape(binned(events[~missed], random), SPECTRUM, random))
    assert statuses(fits=faulty)["fit of the mass"] == "failed"


def test_spurious_signal_fails_where_models_that_fit_do_not_agree() -> None:
    random = np.random.default_rng(2)
    events = masses(20_000, random)
    sound = fit_shape(binned(events, random), SPECTRUM, random)
    assert statuses(fits=fits(sound))["spurious signal of the fit"] == "passed"
    # A hump at the signal region, wider than the signal: some models take it for background.
    hump = 3.55 + 0.3 * random.standard_normal(700)
    faulty = fit_shape(binned(np.concatenate([events, hump]), random), SPECTRUM, random)
    assert statuses(fits=fits(faulty))["spurious signal of the fit"] == "failed"


def closure_of(before, kept, random):
    """The closure of a cut on true background, as `background.closure.spectrum` makes it."""
    spectra = binned(before, random), binned(before[kept], random)
    fit = summarise(fit_shape(spectra[1], SPECTRUM, random))
    sculpted = closure.sculpting(spectra[0].counts, spectra[1].counts, random)
    found = SpectrumClosureAtCut(
        **vars(sculpted), **closure.stretches(*spectra), chi2=fit.chi2, ndf=fit.ndf,
        p_value=fit.p_value, accepted=fit.accepted, spurious_events=fit.signal,
        background=fit.background, mu=fit.mu, mu_error=fit.mu_error, spurious_mu=fit.spurious_mu,
        spurious_significance=fit.significance,
    )  # fmt: skip
    return SpectrumClosure(method="any", background_only={"0.1": found})


def test_a_cut_that_follows_the_mass_fails_sculpting_and_efficiency() -> None:
    random = np.random.default_rng(3)
    events = masses(20_000, random)
    flat = closure_of(events, random.random(len(events)) < 0.1, random)
    found = statuses(closure=flat)
    assert found["sculpting of the mass"] == found["background efficiency in the mass"] == "passed"
    rising = 0.05 + 0.2 / (1 + np.exp(-(events - 3.5) / 0.1))
    faulty = statuses(closure=closure_of(events, random.random(len(events)) < rising, random))
    assert faulty["sculpting of the mass"] == "failed"
    assert faulty["background efficiency in the mass"] == "failed"


def hunt(random):
    signal = 3.5 + 0.14 * random.standard_normal(5000)
    data = bin_spectrum(masses(20_000, random), MASS_RANGE, SIGNAL_REGION, 0.1, (signal, 1.0))
    fit = fit_shape(data, SPECTRUM, random)
    found = bump_hunt.scan_masses(fit, signal, 400, random)
    return BumpHunt(method="any", injected_tev=None, scans={"1": found})


def test_look_elsewhere_fails_where_the_trial_factor_forgets_the_trials(monkeypatch) -> None:
    # 400 toys know the share to .011: enough to see a fault, too few to pass always.
    assert statuses(hunt=hunt(np.random.default_rng(4)))["look-elsewhere"] != "failed"
    monkeypatch.setattr(
        bump_hunt, "trial_factor", lambda excess, crossings, level: norm.sf(np.asarray(excess))
    )
    assert statuses(hunt=hunt(np.random.default_rng(4)))["look-elsewhere"] == "failed"


# ------------------------------------------------------------------------------ trainings


def abcd(folder, correlated):
    """The closure of planes whose ranks are independent, or follow each other in the window."""
    data, truth, rest = dijet_tables(background=300_000, injected=60, test=2000)
    random = np.random.default_rng(5)
    planes = []
    for table, is_signal in ((data, truth["is_signal"] == 1), (rest, np.ones(2000, bool))):
        plane = random.uniform(size=(len(is_signal), 2)) ** np.where(is_signal, 0.2, 1.0)[:, None]
        window = (table["m_jj"] >= SIGNAL_REGION[0]) & (table["m_jj"] < SIGNAL_REGION[1])
        tied = correlated & window & ~is_signal & (random.random(len(window)) < 0.2)
        plane[tied, 1] = plane[tied, 0]
        planes.append(plane)
    paths = {name: folder / f"{name}.safetensors"
             for name in ("data", "truth", "signal_test", "planes", "signal_planes")}  # fmt: skip
    write_tensors(paths["data"], DIJETS, data)
    write_tensors(paths["truth"], DIJET_TRUTH, truth)
    write_tensors(paths["signal_test"], DIJETS, rest)
    for name, table, plane in zip(("planes", "signal_planes"), (data, rest), planes, strict=True):
        write_tensors(paths[name], SCORES, {"event_id": table["event_id"], "score": plane})
    closure.abcd(
        **paths, closure=folder / "closure.json", scan=folder / "scan.csv",
        plane=folder / "plane.csv",
        settings=AbcdJob(signal_region=SIGNAL_REGION, mass_range=MASS_RANGE, efficiency=0.3),
    )  # fmt: skip
    return read_result(folder / "closure.json", AbcdClosure)


def test_closure_of_abcd_fails_where_the_outputs_depend_on_each_other_in_the_window(tmp_path):
    assert statuses(abcd=abcd(tmp_path, False))["closure of ABCD"] == "passed"
    assert statuses(abcd=abcd(tmp_path, True))["closure of ABCD"] == "failed"


def test_the_constraints_of_a_training_fail_for_outputs_that_depend_on_each_other() -> None:
    def of(covariance):
        random = np.random.default_rng(6)
        torch.manual_seed(1)
        halves = [
            of_training.measured(
                random.multivariate_normal([0, 0], [[1, covariance], [covariance, 1]], 4000),
                random.uniform(2.8, 6.5, 4000), 3, 0.02,
            )
            for _ in range(2)
        ]  # fmt: skip
        found = [
            Constraint(
                name=name, allowed=allowed,
                values=[half[name][0] for half in halves],
                errors=[half[name][1] for half in halves],
            )
            for name, allowed in (("correlation", 1e-3), ("nonclosure", 5e-2))
        ]  # fmt: skip
        return statuses(constraints=Constraints(constraints=found))

    names = ("correlation of the training", "nonclosure of the training")
    assert {of(0.0)[name] for name in names} == {"passed"}
    assert {of(0.5)[name] for name in names} == {"failed"}


@pytest.mark.parametrize(
    ("kind", "name"),
    [("quality", "template in the sidebands"), ("template", "template without signal")],
)
def test_a_template_with_another_feature_fails(kind: str, name: str) -> None:
    random = np.random.default_rng(7)
    own, drawn = random.normal(size=(2, 1500, 2))
    boosting = BoostingSettings(trainings=1, members=1)

    def separated(template):
        found = quality.separation(own, template, boosting, 10, 3)
        result = (
            TemplateQuality(sidebands=found) if kind == "quality"
            else TemplateClosure(signal_region=found)
        )  # fmt: skip
        return statuses(**{kind: result})[name]

    assert separated(drawn) == "passed"
    assert separated(drawn + np.array([0.5, 0.0])) == "failed"


def test_folds_and_labels_fail_for_a_single_fold_and_a_method_that_reads_truth() -> None:
    random = np.random.default_rng(8)
    events = masses(5000, random)
    files = {"closure": closure_of(events, random.random(5000) < 0.2, random)}
    sound, faulty = statuses(**files), statuses(folds=1, blind=False, **files)
    assert (sound["folds"], faulty["folds"]) == ("passed", "failed")
    assert (sound["labels permuted"], faulty["labels permuted"]) == ("passed", "failed")


# ------------------------------------------------------------------------------ limits


def counting(observed, background, signal):
    return Yields(
        method="any", names=("a",), observed=np.array([float(observed)]),
        background=np.array([float(background)]),
        background_uncertainty=np.array([0.05 * background]), signal=np.array([float(signal)]),
        signal_uncertainty=np.zeros(1), luminosity=1.0, cross_section=1.0, constraint="gaussian",
    )  # fmt: skip


def test_limits_from_toys_fail_where_no_event_is_seen_of_a_fraction_of_one() -> None:
    job = LimitJob(limits=LimitSettings(points=3, toys=4000), workspace=WorkspaceSettings())
    found = {}
    for name, yields in {"sound": counting(60, 60, 20), "faulty": counting(0, 0.1, 3)}.items():
        asymptotic = asymptotic_limits(build(yields, job.workspace), yields, job.limits)
        limits = asymptotic.model_copy(update={"toys": toy_limits(yields, job, asymptotic, 1)})
        found[name] = statuses(limits=limits)["limit from toys"]
    assert found == {"sound": "passed", "faulty": "failed"}


# ------------------------------------------------------------------------------ scans

STRENGTHS = (0.0, 1.0)
BINS, SIGNAL = np.full(4, 100.0), np.array([5.0, 20.0, 20.0, 5.0])


def replica(strength, number, random, *, more=0.0, kept=1.0, tight=1.0, scores=1.5, apart=True):
    """A replica of a search of four bins, thrown and measured.

    Args:
        strength: injected.
        number: of the replica.
        random: throws it.
        more: background that the estimate knows nothing of, in the two bins of the peak, relative.
        kept: of the signal that the search believes to keep.
        tight: what its training keeps of the simulated signal.
        scores: how far signal lies above background, in its spread.
        apart: whether the background that it is judged on is not that of its data.
    """
    hidden = np.array([0.0, more, more, 0.0]) * BINS
    seen = random.poisson(BINS + hidden + strength * kept * SIGNAL).astype(float)
    yields = Yields(
        method="any", names=("a", "b", "c", "d"), observed=seen, background=BINS,
        background_uncertainty=0.01 * BINS, signal=tight * SIGNAL, signal_uncertainty=np.zeros(4),
        luminosity=1.0, cross_section=1.0, constraint="gaussian",
    )  # fmt: skip
    job = MeasureJob(fit=FitSettings(toys=0), level=0.05, workspace=WorkspaceSettings())
    injection = Injection(
        signal_region_tev=SIGNAL_REGION, strength=strength, replica=number, share=0.05,
        reference_events=50, injected_events=int(50 * strength), background_in_window=400,
        signal_in_window=50 * strength, initial_significance=2.5 * strength, shared_signal=0.0,
    )  # fmt: skip
    labels = np.repeat([0, 1], [4000, 400])
    settings = JudgementJob(
        signal_region=SIGNAL_REGION, background_efficiencies=[0.1], minimum_background=10
    )
    judged = Judgement(
        cuts=scan.cuts(labels, random.normal(scores * labels, 1.0), settings),
        background_events=4000, independent=apart,
    )  # fmt: skip
    return scan_summary.Row(
        "any", injection, measured(yields, job, (number, "any"), strength), judged
    )


def scanned(rows, mass_shift=0.0, anywhere=()):
    method = scan_summary.summarised(rows, True)
    summary = ScanSummary(
        scan="any", replicas=len(rows) // len(STRENGTHS), share=0.05, mass_shift=mass_shift,
        shared_background=0.0, shared_signal=0.0, methods=[method], anywhere=anywhere,
    )  # fmt: skip
    return "summary.json", summary, method


def of_scan(replicas=8, mass_shift=0.0, **fault):
    random = np.random.default_rng(9)
    rows = [
        replica(strength, number, random, **{
            name: value(number) if callable(value) else value for name, value in fault.items()
        })
        for strength in STRENGTHS
        for number in range(replicas)
    ]  # fmt: skip
    return statuses(scans=[scanned(rows, mass_shift)], closure=TRAINED)


TRAINED = closure_of(
    masses(5000, np.random.default_rng(1)), np.random.default_rng(2).random(5000) < 0.2,
    np.random.default_rng(3),
)  # fmt: skip
OF_SCAN = {
    "background only: p-values": {"more": 0.2},
    "background only: strength": {"more": 0.2},
    "limit without signal": {"tight": lambda number: 0.05 if number % 2 else 1.0},
}
"""Checks that replicas make, and a fault of each."""


@pytest.fixture(scope="module")
def sound() -> dict[str, str]:
    return of_scan(replicas=12)


@pytest.mark.parametrize("name", OF_SCAN)
def test_a_check_of_replicas_fails_for_its_fault(sound, name: str) -> None:
    assert sound[name] != "failed"  # twelve replicas are few for a number with an error
    assert of_scan(**OF_SCAN[name])[name] == "failed"


def test_shifted_masses_fail_for_scores_that_tell_signal_from_background_no_more() -> None:
    assert of_scan(2, mass_shift=0.1)["masses of the jets shifted"] == "passed"
    assert of_scan(2, mass_shift=0.1, scores=0.0)["masses of the jets shifted"] == "failed"


@pytest.mark.shared  # half a minute
def test_a_look_elsewhere_with_retraining_fails_for_background_that_is_sculpted() -> None:
    def of(more):
        random = np.random.default_rng(10)
        rows = [replica(0.0, n, random, more=more) for n in range(12) for _ in range(2)]
        found = scan_summary.anywhere(rows)
        return statuses(scans=[scanned(rows[::2], anywhere=found)])[
            "look-elsewhere with retraining"
        ]

    assert of(0.0) != "failed"
    assert of(0.2) == "failed"


@pytest.mark.shared  # half a minute
def test_linearity_and_coverage_fail_for_a_signal_that_the_search_loses_half_of() -> None:
    """Of a strong signal, whose strength eight replicas know to a few per cent."""
    names = ("linearity of the injection", "coverage of the limit")
    sound, halved = (of_scan(8, kept=kept, tight=40.0) for kept in (40.0, 20.0))
    assert sound[names[0]] == "passed"
    assert sound[names[1]] != "failed"
    assert [halved[name] for name in names] == ["failed", "failed"]
