"""The physics quantities of a finished run, from its result tables."""

from __future__ import annotations

import fnmatch
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jetchain.core.errors import DataError
from jetchain.core.histograms import load_histograms
from jetchain.core.io.tables import read_csv, read_json, read_result
from jetchain.core.schema.anomaly import TOO_FEW, DijetCutflow, SearchMetrics
from jetchain.core.schema.background import Normalisation, SearchYields, SpectrumFits
from jetchain.core.schema.base import Result
from jetchain.core.schema.detector import DetectorSummary
from jetchain.core.schema.firmware import FirmwareReport, RTLDesign
from jetchain.core.schema.generate import SampleAccount
from jetchain.core.schema.inference import Limits
from jetchain.core.schema.tagging import TaggingSummary
from jetchain.core.schema.validation import NumbersOfValidation, ResponseValidation
from jetchain.regression.quantities import Exact, Histogram, Number, Quantities, Quantity

Named = Iterator[tuple[str, Quantity]]

CORRELATED = "entries of one event belong together: the scale of chi2 is measured with other seeds"
TRAINED = "a training makes it move more than its test sample: measured with other seeds"
DERIVED = "no error is known: its spread is measured with other seeds"
COUNTED = "a count: Poisson's error, scaled by what other seeds show"
ACCOUNTED = (
    "generated", "simulated", "charged", "below_pt", "beyond_eta", "invisible", "conversions",
    "bremsstrahlung", "nuclear_interactions", "decays", "curled_up",
)  # fmt: skip
"""Counts in the account of the detector."""
REPLICAS = 20
"""Of the bootstrap in the tiny run, from which the errors in the validation of the detector come:
they are known no better than from so many entries."""
SOMETIMES = (
    "jets/*/position of the * peak",
    "inference/disco/*limit*",
    "particleflow/mlpf/response, *",
)
"""Names of what not every seed has: a peak has enough jets or not, ABCD from a few hundred events
is sensitive or not, a network of two epochs finds neutral particles or not. That all of one pattern
are gone is no chance any more."""
UNSTABLE = ("particleflow/mlpf/*",)
"""Histograms whose number of entries means little: a network of two epochs finds many particles of
a kind or none."""
FATES = ("deposited", "invisible", "passive", "leaked")
KINDS = ("photon", "charged_hadron", "neutral_hadron")


def collect(results: Path) -> Quantities:
    """The quantities of a run by name; the first part of a name is its room.

    Raises:
        DataError: the folder holds no finished run, or a table is damaged.
    """
    if not (results / "reporting" / "summary.csv").exists():
        raise DataError(f"{results}: no finished run.", "Run the tiny configuration to its end.")
    found: Quantities = {}
    for room, of_room in ROOMS.items():
        try:
            named = sorted(of_room(results / room))
        except (KeyError, TypeError, IndexError) as error:
            raise DataError(
                f"{results / room}: a table is not as expected ({error!r}).",
                "Remove the room's tables and run the same command again; if the tables have "
                "changed, change jetchain/regression/collect.py with them.",
            ) from error
        found |= {f"{room}/{name}": quantity for name, quantity in named}
    return found


def missing_by_chance(name: str, expected: Iterable[str], found: Iterable[str]) -> bool:
    """Whether a run may lack a quantity by chance, or have one that others lack.

    Args:
        name: of the quantity.
        expected: the names of the references.
        found: the names of the run.
    """
    for pattern in SOMETIMES:
        if fnmatch.fnmatchcase(name, pattern):
            return not fnmatch.filter(expected, pattern) or bool(fnmatch.filter(found, pattern))
    return False


def stable(name: str) -> bool:
    """Whether a histogram has about as many entries whatever the seed is, see `UNSTABLE`."""
    return not any(fnmatch.fnmatchcase(name, pattern) for pattern in UNSTABLE)


def count(value: float, reason: str = COUNTED) -> Number:
    """A number of things with its Poisson error; none at all is known to about one."""
    return Number(float(value), float(np.sqrt(max(value, 1.0))), reason=reason)


def trained(value: float, unit: str = "") -> Number:
    """A number that a training of a few epochs on a few dozen jets leaves."""
    return Number(float(value), unit=unit, reason=TRAINED, floor=0.1)


def categories(
    counts: Mapping[str, float], reason: str = "each thing falls in one category"
) -> Histogram:
    """Counts of things that each fall in one category."""
    values = np.array(list(counts.values()), dtype=float)
    return Histogram(values, values, categories=tuple(counts), label="category", reason=reason)


def known(value: Any, error: Any, entries: int | None = None, unit: str = "") -> Number:
    """A number with the error that its room states; none if the room says null."""
    return Number(float(value), None if error is None else float(error), entries, unit)


def histograms(path: Path, prefix: str, reason: str = CORRELATED) -> Named:
    """All histograms of a file."""
    for name, loaded in load_histograms(path).items():
        axis = loaded.axes[0]
        values, variances = (
            np.asarray(column, dtype=float)
            for column in (loaded.values(flow=True), loaded.variances(flow=True))
        )
        label = axis.label or axis.name
        yield (
            f"{prefix}{name}",
            Histogram(values, variances, np.asarray(axis.edges), (), label, reason),
        )


def samples(room: Path, table: str) -> list[Path]:
    """The folders of the samples that have a table."""
    return sorted(path.parent for path in room.glob(f"*/{table}"))


def generate(room: Path) -> Named:
    for folder in samples(room, "summary.json"):
        account, name = read_result(folder / "summary.json", SampleAccount), folder.name
        cut = account.cutflow
        yield f"{name}/events generated", Exact(cut.generated, "the configuration asks for it")
        if cut.removed_by_filter and account.filter_efficiency is not None:
            yield (
                f"{name}/events kept",
                Number(
                    cut.kept,
                    float(np.sqrt(cut.kept * (1 - account.filter_efficiency))),
                    reason="the filter keeps each event by chance: binomial",
                ),
            )
        else:
            yield f"{name}/events kept", Exact(cut.kept, "nothing is filtered")
        if account.cross_section_pb is not None:
            yield f"{name}/cross-section", Number(
                account.cross_section_pb, account.cross_section_error_pb, unit="pb",
                reason="Pythia's Monte-Carlo error, scaled by what other seeds show",
            )  # fmt: skip
        yield from histograms(folder / "spectra.json", f"{name}/", "one entry an event: Poisson")


def detector(room: Path) -> Named:
    for folder in samples(room, "histograms.json"):
        name = folder.name
        yield from histograms(folder / "histograms.json", f"{name}/")
        account = read_result(folder / "summary.json", DetectorSummary).account
        for what in ACCOUNTED:
            yield f"{name}/particles, {what.replace('_', ' ')}", count(account.particles[what])
        for what in ("cells", "clusters", "tracks", "tracks_reconstructed"):
            yield f"{name}/{what.replace('_', ' ')}", count(account.objects[what])
        for kind in KINDS:
            energy = account.energy[kind]
            for fate in FATES:
                if energy["true"]:
                    yield (
                        f"{name}/energy of {kind.replace('_', ' ')}s, {fate}",
                        Number(energy[fate] / energy["true"], reason=DERIVED),
                    )
    for path in sorted((room / "validation").glob("*.json")):
        if path.stem.endswith("_histograms"):
            prefix = f"validation/{path.stem.removesuffix('_histograms')}, "
            yield from histograms(path, prefix, "one entry a particle or cluster: Poisson")
            continue
        replicas = None if path.stem == "noise" else REPLICAS  # noise is counted
        for row in read_result(path, NumbersOfValidation).numbers:
            # What of a name depends on the run: the quality of a fit, the bin that has entries.
            quantity = re.sub(r", chi2/ndf.*|, (pT )?\d+ to \d+ GeV", "", row.quantity)
            sample = re.sub(r", pT \d+ to \d+ GeV", "", row.sample)
            if quantity != "response":  # of whichever bin; all of them follow
                yield (
                    f"validation/{quantity}, {sample}",
                    known(row.value, row.error, replicas, row.unit),
                )
    responses = read_result(room / "validation" / "response.json", ResponseValidation)
    for kind, tables in responses.kinds.items():
        for each in tables.by_eta:
            where = f"abs(eta) {each.low:g} to {each.high:g}"
            yield (
                f"validation/E(cells) / E(true), {kind}, {where}",
                known(each.mean, each.mean_error, each.n),
            )


def particleflow(room: Path) -> Named:
    folder = room / "performance"
    names = [path.stem for path in sorted(folder.glob("*.json"))]
    for algorithm in [name for name in names if not name.endswith(("_histograms", "_jets"))]:
        is_trained = (room / algorithm / "weights.safetensors").exists()
        reason = TRAINED if is_trained else CORRELATED
        yield from histograms(folder / f"{algorithm}_histograms.json", f"{algorithm}/", reason)
        found = read_json(folder / f"{algorithm}.json")
        edges = [f"{edge:g}" for edge in found["pt_edges"]]
        for group in KINDS:
            table = found["groups"][group]
            for merit in ("efficiency", "fake_rate", "purity"):
                passed, total = (np.array(table[merit][what]) for what in ("passed", "total"))
                counts = {
                    f"{answer}, from {low} GeV": float(number)
                    for answer, numbers in (("yes", passed), ("no", total - passed))
                    for low, number in zip(edges, numbers, strict=False)  # one edge more
                }
                yield f"{algorithm}/{merit}, {group}", categories(counts, reason)
            overall = table["response"]["overall"]
            for what in ("median", "width"):
                if overall[what] is not None:
                    number = known(overall[what], overall[f"{what}_error"], overall["entries"])
                    if is_trained:
                        number = trained(number.value)
                    yield f"{algorithm}/response, {what}, {group}", number
        for what, value in found["reconstructed_particles"].items():
            yield (
                f"{algorithm}/reconstructed particles, {what}",
                trained(value) if is_trained else count(value),
            )
    for what, value in read_json(room / "calibration.json")["cutflow"].items():
        yield f"calibration/{what}", count(value)


def jets(room: Path) -> Named:
    for folder in samples(room, "summary.json"):
        yield from histograms(folder / "histograms.json", f"{folder.name}/", "one entry a jet")
        found = read_json(folder / "summary.json")
        for level, counts in found["jets"].items():
            yield f"{folder.name}/labels of {level} jets", categories(counts)
            yield f"{folder.name}/{level} jets in the window", count(sum(counts.values()))
        for row in found["peaks"]:
            yield (
                f"{folder.name}/position of the {row['level']} {row['class']} peak",
                Number(row["position"], unit="GeV", reason="a fit to few jets: " + DERIVED),
            )
        for row in found["response"]:
            window = f"{row['pt_low']:g} to {row['pt_high']:g} GeV"
            for name in ("pt_median", "pt_resolution", "m_median", "m_resolution"):
                if name in row:
                    yield (
                        f"{folder.name}/{name.replace('_', ' ')}, {window}",
                        known(row[name], row[f"{name}_error"], row["matched"]),
                    )


def graphs(room: Path) -> Named:
    for path in sorted(room.glob("*/**/0000.json")):
        for what, value in read_json(path).items():
            name = f"{'/'.join(path.relative_to(room).parts[:-1])}/{what}"
            if what == "events":
                yield name, Exact(value, "the configuration asks for it")
            else:
                yield name, count(value)


def tagging(room: Path) -> Named:
    cutflow = read_result(room / "summary.json", TaggingSummary).cutflow
    yield "jets by class", categories({name: flow.kept for name, flow in cutflow.items()})
    for model in samples(room, "metrics.json"):
        yield from histograms(model / "histograms.json", f"{model.name}/score, ", TRAINED)


def anomaly(room: Path) -> Named:
    yield from histograms(room / "histograms.json", "", "one entry an event")
    cutflow = read_result(room / "cutflow.json", DijetCutflow)
    yield "injected events", Exact(cutflow.injected_events, "the configuration asks for it")
    for sample, steps in (("background", cutflow.background), ("signal", cutflow.signal)):
        for step, value in steps.model_dump().items():
            yield f"{sample}, {step.replace('_', ' ')}", count(value)
    for method, merit in read_result(room / "metrics.json", SearchMetrics).methods.items():
        yield f"{method}/AUC", trained(merit.auc)


def background(room: Path) -> Named:
    found = read_result(room / "normalisation.json", Normalisation)
    for name, value in found.model_dump().items():
        if name in ("injected_events", "reference_events"):
            yield name.replace("_", " "), Exact(value, "the configuration asks for it")
        else:
            yield name.replace("_", " "), Number(value, reason=DERIVED)
    for folder in samples(room, "yields.json"):
        method, yields = folder.name, read_result(folder / "yields.json", SearchYields)
        reason = "counts and fits to few events: " + DERIVED
        rows: dict[str, Result] = {row.name: row for row in yields.bins}
        if yields.shape is not None:  # of its many bins those in the signal region, together
            found_fits = read_result(folder / "fits.json", SpectrumFits)
            rows = {"signal_region": found_fits.fits[f"{found_fits.efficiency:g}"]}
        for name, row in rows.items():
            for what in ("observed", "background", "background_uncertainty", "signal"):
                yield (
                    f"{method}/{what.replace('_', ' ')}, {name}",
                    Number(getattr(row, what), reason=reason),
                )
    spectrum = read_csv(room / "inclusive" / "spectra.csv")
    counts = np.asarray(spectrum["observed"], dtype=float)
    edges = np.append(np.asarray(spectrum["low"], float), float(spectrum["high"][-1]))
    values = np.concatenate([[0.0], counts, [0.0]])
    yield (
        "inclusive/spectrum",
        Histogram(values, values, edges, (), "dijet mass [TeV]", "one entry an event"),
    )


def inference(room: Path) -> Named:
    for folder in samples(room, "limits.json"):
        found, method = read_result(folder / "limits.json", Limits), folder.name
        yield f"{method}/confidence level", Exact(1 - found.level, "the configuration says it")
        if found.observed_cls is None or found.observed_fb is None:
            continue  # without sensitivity
        yield (
            f"{method}/CLs at the observed limit",
            Exact(found.observed_cls, "the limit is where CLs equals 1 - confidence level", 0.02),
        )
        yield f"{method}/observed limit", Number(found.observed_fb, unit="fb", reason=DERIVED)
        for sigma, value in zip((-2, -1, 0, 1, 2), found.expected_fb, strict=True):
            assert value is not None
            yield (
                f"{method}/expected limit, {sigma:+d} sigma",
                Number(value, unit="fb", reason=DERIVED),
            )


def firmware(room: Path) -> Named:
    for folder in samples(room, "latency.json"):
        for what, quantity in _design(folder):
            yield f"{folder.name}/{what}", quantity


def _design(folder: Path) -> Named:
    report = read_result(folder / "latency.json", FirmwareReport)
    design = read_result(folder / "rtl" / "design.json", RTLDesign)
    for simulation in ("hls", "rtl"):
        yield (
            f"{simulation}/differing outputs",
            Exact(
                getattr(report.simulated, simulation).differing,
                "the firmware is exact, bit for bit",
            ),
        )
    latency = report.latency
    yield (
        "measured less predicted cycles",
        Exact(latency.cycles_measured - latency.cycles_predicted, "the pipeline is deterministic"),
    )
    yield (
        "initiation interval (cycles)",
        Exact(latency.initiation_interval_measured, "a pipeline takes one jet a clock"),
    )
    yield "clock period (ns)", Exact(latency.clock_period_ns, "the configuration asks for it")
    yield "in time", Exact(report.budget.in_time, "far from the limit")
    yield "keeps up", Exact(report.budget.keeps_up, "far from the limit")
    for what, value in design.inputs.model_dump().items():
        yield f"inputs, {what}", Exact(value, "a format of the configuration")
    yield "outputs, fraction", Exact(design.outputs.fraction, "sums of given formats")
    yield "sparsity", Exact(report.network.sparsity, "the configuration asks for it", 0.03)
    yield "weights", Exact(report.network.weights, "the configuration asks for it")
    yield "register bits", trained(report.design.register_bits)
    yield "estimated luts", trained(report.design.estimated_luts)
    yield "latency", trained(latency.cycles_measured, "cycles")
    bits = read_csv(folder / "weight_bits.csv")
    yield "bits of all weights", trained(bits["bits"] @ bits["weights"])


def reporting(room: Path) -> Named:
    """The key numbers whose rooms have no error for them: trainings and small test samples."""
    summary = read_csv(room / "summary.csv")
    for of_room, quantity, value, unit in zip(
        *(summary[name] for name in ("room", "quantity", "value", "unit")), strict=True
    ):
        if value == TOO_FEW:
            continue
        # Those of jets and limits come from their own tables, with more digits of meaning.
        if of_room in ("tagging", "anomaly", "background") or quantity.startswith("accuracy"):
            name, number = quantity.replace(", at least", ""), float(value)
            if name.startswith("rejection"):  # it is of one jet or of none: its tail is long
                name, number = f"ln of {name}", math.log(number)
            yield f"{of_room}, {name}", trained(number, str(unit))


ROOMS = {
    "generate": generate,
    "detector": detector,
    "particleflow": particleflow,
    "jets": jets,
    "graphs": graphs,
    "tagging": tagging,
    "anomaly": anomaly,
    "background": background,
    "inference": inference,
    "firmware": firmware,
    "reporting": reporting,
}
