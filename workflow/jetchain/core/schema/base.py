"""Every table that passes between rooms: its columns, their dtype, unit and meaning.

Rooms meet only in files, and this page is the contract of those files. `jetchain.core.io` writes
and reads them, checked both ways. Three kinds exist:

- `EventTable`: a ROOT TTree, one entry an event, with scalar columns and collections of objects
  (branch ``<collection>_<column>``, counter ``n<collection>``). A nested column holds a list per
  object; it is stored flat beside its lengths (``<column>`` and ``<column>_n``), since a plain
  TTree holds one level of jaggedness.
- `TensorTable`: a safetensors file of dense arrays whose first axes are named; axes of the same
  name must have the same length. Jagged data are flat, with offsets of length (rows + 1).
- `Result`: a JSON file of numbers, as a frozen typed model that its writer and its readers share.

Units: GeV, mm and rad, except in the detector room, which uses COCOA's own units (MeV, mm).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict, field_validator


@dataclass(frozen=True)
class Column:
    """One column: numpy dtype, unit, meaning, and whether it holds a list per object."""

    dtype: str
    unit: str
    meaning: str
    nested: bool = False


Columns = dict[str, Column]


@dataclass(frozen=True)
class EventTable:
    """A ROOT TTree with one entry an event.

    Attributes:
        name, tree: of the table, and in the file.
        event: columns of the event itself.
        collections: of objects, by name.
        missing: what to do about a file that lacks a whole collection, where files differ in them.
    """

    name: str
    tree: str
    event: Columns
    collections: dict[str, Columns] = field(default_factory=dict)
    missing: str = ""


@dataclass(frozen=True)
class Tensor:
    """One array: numpy dtype, axes (a name, or a fixed length), unit and meaning."""

    dtype: str
    axes: tuple[str | int, ...]
    unit: str
    meaning: str


@dataclass(frozen=True)
class TensorTable:
    """A safetensors file of named arrays."""

    name: str
    tensors: dict[str, Tensor]


EVENT: Columns = {
    "number": Column("i8", "", "event number, unique in its sample, the same in every room"),
    "weight": Column("f8", "", "event weight of the generator (1 for unweighted events)"),
}

MOMENTUM: Columns = {
    "px": Column("f4", "GeV", "momentum along x"),
    "py": Column("f4", "GeV", "momentum along y"),
    "pz": Column("f4", "GeV", "momentum along the beam"),
    "e": Column("f4", "GeV", "energy"),
}

# Where a track comes from: ATLAS's labels (ftagTruthOriginLabel), in their order. Nothing makes
# fakes yet: their code is reserved.
ORIGINS = (
    "pileup", "fake", "primary", "from_b", "from_b_to_c", "from_c", "from_tau", "other_secondary",
)  # fmt: skip


class Result(BaseModel):
    """Numbers in a JSON file: frozen, with no field more or less than declared.

    Arrays and numbers of numpy are taken as lists and plain numbers.
    """

    # Validators are built where they are first needed: a job needs few of a module's models.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    @field_validator("*", mode="before")
    @classmethod
    def _plain(cls, value: Any) -> Any:
        return value.tolist() if hasattr(value, "tolist") else value


class Estimate(Result):
    """A value with the central 68 % interval and the standard deviation of its replicas."""

    value: float
    low: float
    high: float
    std: float
