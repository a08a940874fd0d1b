"""The references in tests/reference: what each quantity was, how it is tested, and why so."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from jetchain.core.errors import DataError
from jetchain.core.io.atomic import atomic
from jetchain.regression.quantities import Array, Exact, Histogram, Number, Quantities, Quantity
from jetchain.regression.statistics import KS_BELOW, Tolerance

FOLDER = Path(__file__).resolve().parents[3] / "tests" / "reference"
SEEDS = "seeds.json"
DIGITS = 8
"""Significant digits that are kept: what is equal to so many is called identical."""
REMEDY = "Restore it from git, or renew the references with `make references`."
TOLERANCES = {
    "exact": (),
    "chi2": ("inflation", "freedom", "seeds", "noticed"),
    "ks": ("inflation", "seeds", "noticed"),
    "pull": ("inflation", "seeds", "noticed"),
    "spread": ("spread", "seeds", "noticed"),
}
"""What of `Tolerance` each test uses."""


@dataclass(frozen=True)
class Reference:
    """A quantity as it was, and how a run is tested against it."""

    quantity: Quantity
    test: str
    tolerance: Tolerance = field(default_factory=Tolerance)


References = Mapping[str, Reference]
"""By name; the first part of a name is its room."""


def suitable_test(quantity: Quantity) -> str:
    """The test for a quantity."""
    if isinstance(quantity, Exact):
        return "exact"
    if isinstance(quantity, Number):
        return "spread" if quantity.error is None else "pull"
    return "ks" if len(quantity.edges) and quantity.effective < KS_BELOW else "chi2"


def renewed(quantities: Quantities, old: References) -> References:
    """References from a run; tests and what seeds showed are kept where there was the quantity."""
    result = {}
    for name, quantity in quantities.items():
        before = old.get(name)
        test = suitable_test(quantity)
        # A histogram keeps its test, whose tolerance is known; another kind has another test.
        if before and {before.test, test} <= {"chi2", "ks"}:
            test = before.test
        kept = before.tolerance if before and before.test == test else Tolerance()
        result[name] = Reference(rounded(quantity), test, kept)
    return result


def rounded(quantity: Quantity) -> Quantity:
    """A quantity as it is after it was written and read."""
    return _decode_quantity(json.loads(json.dumps(_encode_quantity(quantity))))


def write_references(references: References, folder: Path = FOLDER) -> None:
    """Write a file for each room, a quantity a block, an array a line; remove those of no room."""
    rooms: dict[str, dict[str, dict[str, Any]]] = {}
    for name, reference in sorted(references.items()):
        room, _, rest = name.partition("/")
        tolerance = {
            what: None if value is None else _round(value, 4)
            for what in TOLERANCES[reference.test]
            for value in (getattr(reference.tolerance, what),)
        }
        block = {"test": reference.test, **_encode_quantity(reference.quantity)}
        block["tolerance"] = block.get("tolerance", 0) if reference.test == "exact" else tolerance
        rooms.setdefault(room, {})[rest] = block
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob("*.json"):
        if path.stem not in rooms and path.name != SEEDS:
            path.unlink()
    for room, blocks in rooms.items():
        with atomic(folder / f"{room}.json") as temporary:
            temporary.write_text(_as_text(blocks), encoding="utf-8")


def _as_text(blocks: Mapping[str, Mapping[str, Any]]) -> str:
    lines = ["{"]
    for index, (name, block) in enumerate(blocks.items()):
        lines.append(f" {json.dumps(name)}: {{")
        entries = [f"  {json.dumps(key)}: {json.dumps(block[key])}" for key in sorted(block)]
        lines += [f"{entry}," for entry in entries[:-1]] + entries[-1:]
        lines.append(" }" if index == len(blocks) - 1 else " },")
    return "\n".join([*lines, "}"]) + "\n"


def read_references(folder: Path = FOLDER) -> References:
    """Read all references.

    Raises:
        DataError: there is none, or a file is damaged.
    """
    quantities: dict[str, Reference] = {}
    for path in sorted(folder.glob("*.json")):
        if path.name == SEEDS:
            continue
        name = "the file"
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            for name, block in content.items():
                quantities[f"{path.stem}/{name}"] = _decode(block)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(f"{path}: {name}: not a reference ({error!r}).", REMEDY) from error
    if not quantities:
        raise DataError(f"{folder}: no references.", "Make them with `make references`.")
    return quantities


def _decode(block: Mapping[str, Any]) -> Reference:
    test, tolerance = block["test"], block["tolerance"]
    if test not in TOLERANCES:
        raise ValueError(f"no test '{test}'")
    if test == "exact":
        return Reference(_decode_quantity(block), test)
    if set(tolerance) != set(TOLERANCES[test]):
        raise ValueError(f"tolerance of '{test}' must say {TOLERANCES[test]}")
    return Reference(_decode_quantity(block), test, Tolerance(**tolerance))


def _encode_quantity(quantity: Quantity) -> dict[str, Any]:
    block: dict[str, Any] = {"reason": quantity.reason}
    if isinstance(quantity, Exact):
        value = quantity.value
        block["value"] = value if isinstance(value, str | bool) else _round(value)
        block["tolerance"] = quantity.tolerance
    elif isinstance(quantity, Number):
        block["value"] = _round(quantity.value)
        for name in ("error", "entries", "unit", "floor"):
            value = getattr(quantity, name)
            if value not in (None, ""):
                block[name] = _round(value) if isinstance(value, int | float) else value
    else:
        values, variances = _all(quantity.values), _all(quantity.variances)
        block |= {"values": values, "label": quantity.label}
        if variances != values:  # those of weights other than one
            block["variances"] = variances
        if quantity.categories:
            block["categories"] = list(quantity.categories)
        else:
            block["edges"] = _all(quantity.edges)
    return block


def _decode_quantity(block: Mapping[str, Any]) -> Quantity:
    reason = block["reason"]
    if "values" in block:
        values = np.array(block["values"], dtype=float)
        variances = np.array(block.get("variances", values), dtype=float)
        categories, edges = block.get("categories", ()), np.array(block.get("edges", ()))
        expected = len(categories) or len(edges) + 1
        if not len(values) == len(variances) == expected:
            raise ValueError(f"{len(values)} values and {len(variances)} variances, not {expected}")
        return Histogram(values, variances, edges, tuple(categories), block["label"], reason)
    if isinstance(block.get("tolerance"), int | float):
        return Exact(block["value"], reason, float(block["tolerance"]))
    return Number(
        float(block["value"]), block.get("error"), block.get("entries"), block.get("unit", ""),
        reason, block["floor"],
    )  # fmt: skip


def _round(value: float, digits: int = DIGITS) -> float:
    number = float(f"{float(value):.{digits}g}")
    return int(number) if number.is_integer() and abs(number) < 1e15 else number


def _all(values: Array | Iterable[float]) -> list[float]:
    return [_round(value) for value in values]
