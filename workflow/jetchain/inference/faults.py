"""What is wrong with a workspace of others, with channel, sample and bin."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jetchain.inference.likelihood import CODE4

NORMS = ("normfactor", "lumi")
PER_BIN = ("staterror", "shapesys")
LARGEST = 1e12
"""Events of a bin: beyond, doubles do not hold one event more."""


def faults_of(spec: dict[str, Any]) -> list[str]:
    """What has no likelihood, or none that depends on the parameter of interest.

    Args:
        spec: a workspace that fits pyhf's schema, with one measurement.
    """
    faults = [
        *_names(spec), *_channels(spec), *_shared(spec), *_of_interest(spec), *_configured(spec),
    ]  # fmt: skip
    return faults if faults else _of_model(spec)


def silent_faults(spec: dict[str, Any]) -> list[str]:
    """What pyhf would take otherwise than it is written, in silence, or refuse without words.

    Args:
        spec: a workspace that fits pyhf's schema; its first measurement counts.
    """
    twice = [
        fault
        for channel in spec["channels"]
        for sample in channel["samples"]
        for fault in _twice(sample, f"channel '{channel['name']}', sample '{sample['name']}'")
    ]
    return [*_names(spec), *twice, *_shared(spec), *_configured(spec)]


def _names(spec: dict[str, Any]) -> Iterator[str]:
    """Names that stand twice: pyhf would drop one of both in silence."""
    for what, names in (
        ("channel", [each["name"] for each in spec["channels"]]),
        ("observation", [each["name"] for each in spec["observations"]]),
    ):
        for name, times in Counter(names).items():
            if times > 1:
                yield f"the {what} '{name}' is given {times} times"
    for channel in spec["channels"]:
        for name, times in Counter(each["name"] for each in channel["samples"]).items():
            if times > 1:
                yield f"channel '{channel['name']}': the sample '{name}' is given {times} times"


def _channels(spec: dict[str, Any]) -> Iterator[str]:
    observed = {each["name"]: each["data"] for each in spec["observations"]}
    known = {each["name"] for each in spec["channels"]}
    for name in sorted(set(observed) - known):
        yield f"there is an observation of '{name}', but no such channel"
    for channel in spec["channels"]:
        name = channel["name"]
        lengths = {len(sample["data"]) for sample in channel["samples"]}
        if len(lengths) != 1 or len(observed.get(name, ())) not in lengths or lengths == {0}:
            yield f"channel '{name}': its samples and observation differ in bins, or lack"
            continue
        yield from _bad(observed[name], f"channel '{name}': observed", 0.0)
        for sample in channel["samples"]:
            where = f"channel '{name}', sample '{sample['name']}'"
            yield from _bad(sample["data"], where, -math.inf)
            yield from _modifiers(sample, where)


def _shared(spec: dict[str, Any]) -> Iterator[str]:
    """A shapefactor, which is one of each bin, in channels of different bins; a statistical error
    that channels share, of different samples."""
    bins: dict[str, set[int]] = {}
    members: dict[str, dict[str, list[str]]] = {}  # of a staterror: the channels of each sample
    for channel in spec["channels"]:
        for sample in channel["samples"]:
            for modifier in sample["modifiers"]:
                name = modifier["name"]
                if modifier["type"] == "shapefactor":
                    bins.setdefault(name, set()).add(len(sample["data"]))
                elif modifier["type"] == "staterror":
                    where = members.setdefault(name, {})
                    where.setdefault(sample["name"], []).append(channel["name"])
    for name, where in members.items():
        (first, channels), *others = where.items()
        for other, its in others:
            if its != channels:
                yield (
                    f"the staterror '{name}' is on the sample '{first}' in {', '.join(channels)} "
                    f"but on '{other}' in {', '.join(its)}: channels that share one have it on the "
                    "same samples, others need names of their own"
                )
                break
    for name, sizes in bins.items():
        if len(sizes) > 1:
            many = " and ".join(map(str, sorted(sizes)))
            yield f"the shapefactor '{name}' is in channels of {many} bins"


def _modifiers(sample: dict[str, Any], where: str) -> Iterator[str]:
    """Faults of what changes a sample."""
    bins = len(sample["data"])
    yield from _twice(sample, where)
    for modifier in sample["modifiers"]:
        kind, what = modifier["type"], f"the {modifier['type']} '{modifier['name']}'"
        data = modifier.get("data")
        if kind == "normsys":
            factors = [data["hi"], data["lo"]]
            if not all(math.isfinite(each) for each in factors):
                yield f"{where}: {what} has a factor that is not a finite number"
            elif min(factors) <= 0:
                yield f"{where}: {what} has a factor that is not above zero"
            elif (lowest := interpolated(*factors).min()) <= 0:
                yield (
                    f"{where}: {what} has the factors {factors[0]:g} and {factors[1]:g}, between "
                    f"which HistFactory's interpolation goes down to {lowest:.3g}"
                )
        elif kind == "histosys":
            for end in ("hi_data", "lo_data"):
                yield from _series(data[end], bins, f"{where}: {end} of {what}", -math.inf)
        elif kind in PER_BIN:
            yield from _series(data, bins, f"{where}: {what}", 0.0)
        elif kind not in (*NORMS, "shapefactor"):
            yield f"{where}: {what} is of a type that HistFactory does not have"


def _twice(sample: dict[str, Any], where: str) -> Iterator[str]:
    """Modifiers that a sample has twice: one would count."""
    for (kind, name), times in Counter(
        (each["type"], each["name"]) for each in sample["modifiers"]
    ).items():
        if times > 1:
            yield f"{where}: the {kind} '{name}' is given {times} times"


def interpolated(up: float, down: float) -> NDArray[np.floating]:
    """The factors of a normsys from -1 to 1 sigma (code 4): a polynomial, which may turn negative.

    Args:
        up, down: the factors at 1 and at -1 sigma, above zero.
    """
    logs = np.log([up, down])
    ends = [up - 1, down - 1, logs[0] * up, -logs[1] * down, logs[0] ** 2 * up, logs[1] ** 2 * down]
    alpha = np.linspace(-1.0, 1.0, 201)
    return np.asarray(1 + alpha[:, None] ** np.arange(1, 7) @ (CODE4 @ ends))


def _series(values: Any, bins: int, where: str, least: float) -> Iterator[str]:
    if len(values) != bins:
        yield f"{where} has {len(values)} bins where the sample has {bins}"
    else:
        yield from _bad(values, where, least)


def _bad(values: Any, where: str, least: float) -> Iterator[str]:
    for index, value in enumerate(values):
        if not math.isfinite(value) or value < least or abs(value) > LARGEST:
            yield f"{where} is {value:g} in bin {index}"


def _modifiers_of(spec: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        modifier
        for channel in spec["channels"]
        for sample in channel["samples"]
        for modifier in sample["modifiers"]
    ]


def _of_interest(spec: dict[str, Any]) -> Iterator[str]:
    """Faults of the parameter of interest."""
    poi = spec["measurements"][0]["config"]["poi"]
    if not poi:
        yield "its measurement has no parameter of interest"
    kinds = {each["type"] for each in _modifiers_of(spec) if each["name"] == poi}
    if poi and not kinds:
        yield (
            f"no sample has the parameter of interest '{poi}': a workspace without signal needs "
            "the patch set that adds it"
        )
    if kinds and kinds != {"normfactor"}:
        yield f"the parameter of interest '{poi}' is a {', '.join(sorted(kinds))}, not a normfactor"


def _configured(spec: dict[str, Any]) -> Iterator[str]:
    """Faults of what a measurement says of the parameters."""
    config, modifiers = spec["measurements"][0]["config"], _modifiers_of(spec)
    for name, times in Counter(each["name"] for each in config["parameters"]).items():
        if times > 1:
            yield f"its measurement configures the parameter '{name}' {times} times"
    for each in config["parameters"]:
        name = each["name"]
        numbers = [
            value
            for key in ("inits", "auxdata", "sigmas", "factors")
            for value in each.get(key, [])
        ]
        if not all(math.isfinite(value) for value in numbers):
            yield f"the parameter '{name}' is given a number that is not finite"
        if any(not value > 0 for key in ("sigmas", "factors") for value in each.get(key, [])):
            yield f"the parameter '{name}' is given a width that is not above zero"
        for low, high in each.get("bounds", []):
            if math.isinf(low) or math.isinf(high):
                yield f"the bounds of the parameter '{name}', {low:g} and {high:g}, are not finite"
            elif not low < high:
                yield f"the bounds of the parameter '{name}', {low:g} and {high:g}, hold nothing"
    measured = {each["name"]: each["type"] for each in modifiers}
    for each in config["parameters"]:
        kind = measured.get(each["name"])
        if each.get("sigmas") and kind in ("normsys", "histosys"):
            yield f"the parameter '{each['name']}', a {kind}, is given sigmas: its width is 1"
    given = {each["name"]: each for each in config["parameters"]}
    for name in sorted({each["name"] for each in modifiers if each["type"] == "lumi"}):
        # pyhf has no values of its own for any of these, and no words where they lack.
        for one, other, what in (
            ("auxdata", "sigmas", ""),
            ("inits", "bounds", "start and range, "),
        ):
            own = given.get(name, {})
            if not (own.get(one) and own.get(other)):
                yield f"the measurement gives no {what}{one} and {other} to the luminosity '{name}'"


def _of_model(spec: dict[str, Any]) -> list[str]:
    """What pyhf refuses, and what its model expects."""
    import pyhf

    try:
        model = pyhf.Workspace(spec).model()
        return [*_parameters(model), *_unlikely(model, spec)]
    except (
        pyhf.exceptions.InvalidModel, pyhf.exceptions.InvalidModifier,
        pyhf.exceptions.InvalidSpecification, pyhf.exceptions.InvalidNameReuse,
        LookupError, ValueError, TypeError, AssertionError, ArithmeticError, RuntimeError,
    ) as error:  # fmt: skip
        first = [*str(error).strip().splitlines(), type(error).__name__][0]
        return [f"pyhf refuses this workspace ({first})"]


def _parameters(model: Any) -> Iterator[str]:
    """Widths of constraints that are zero, and starts outside the bounds of others."""
    config = model.config
    rows = zip(
        config.par_names, config.suggested_init(), config.suggested_bounds(),
        config.suggested_fixed(), strict=True,
    )  # fmt: skip
    for index, (name, start, (low, high), fixed) in enumerate(rows):
        if not low <= start <= high and index != config.poi_index and not fixed:
            yield f"the parameter '{name}' starts at {start:g}, outside {low:g} to {high:g}"


def _unlikely(model: Any, spec: dict[str, Any]) -> Iterator[str]:
    """Bins whose counts are impossible before the fit, and a signal that is nowhere."""
    values = model.config.suggested_init()
    poi = model.config.poi_index
    at = {}
    for strength in (0.0, 1.0):
        values[poi] = strength
        at[strength] = model.expected_actualdata(values).tolist()
    if at[0.0] == at[1.0]:
        yield f"'{model.config.poi_name}' changes no bin"
    counts = {each["name"]: each["data"] for each in spec["observations"]}
    for name in model.config.channels:
        part = model.config.channel_slices[name]
        rows = zip(at[0.0][part], at[1.0][part], counts[name], strict=True)
        for index, (without, signal, seen) in enumerate(rows):
            if not (math.isfinite(signal) and 0 <= without < math.inf):
                yield f"channel '{name}', bin {index}: {without:g} events are expected"
            elif seen > 0 and max(without, signal) <= 0:
                yield f"channel '{name}', bin {index}: {seen:g} observed where none is expected"
