"""Jets of published files: what a format yields, and its checks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from jetchain.core.errors import DataError, JetchainError
from jetchain.core.kinematics import invariant_mass, pt_eta_phi
from jetchain.core.schema.graphs import JET_COLUMNS
from jetchain.core.schema.particleflow import PARTICLE_CLASSES
from jetchain.core.substructure import substructure
from jetchain.core.trees import REPLACE

STEP = 2048
"""Jets, or events, that are read at a time."""
MOMENTUM = ("px", "py", "pz", "e")
TRACK = ("d0", "z0", "d0_err", "z0_err")

Rows = Callable[[Path, int], range]
Columns = dict[str, NDArray[Any]]


class Chunk(NamedTuple):
    """Some jets of a file.

    Attributes:
        label: index into the labels of the format, -1 for none; (jets,).
        constituents: of each jet; (jets,).
        columns: of the constituents, jet after jet: MOMENTUM in GeV, and what there is of charge,
            `kind` (index into PARTICLE_CLASSES, -1 for none) and TRACK in mm; (constituents,) each.
        jet: those of JET_COLUMNS that the file states.
        events: jets of each event; none where each jet stands for itself.
    """

    label: NDArray[np.integer]
    constituents: NDArray[np.integer]
    columns: Columns
    jet: Columns
    events: NDArray[np.integer] | None = None


class JetFormat(ABC):
    """The layout of a published data set.

    Attributes:
        labels: names of the truth labels of its jets.
        feature_set: the largest key of FEATURE_SETS that its constituents fill.
        kinds: of files, as `core.sources` names them.
        radius: of its jets.
    """

    labels: ClassVar[tuple[str, ...]]
    feature_set: ClassVar[str]
    kinds: ClassVar[tuple[str, ...]]
    radius: ClassVar[float]

    @abstractmethod
    def chunks(self, path: Path, rows: Rows) -> Iterator[Chunk]:
        """Yield the jets of a file, one chunk at least.

        Args:
            path: the file.
            rows: which of its rows (jets, or events) are read, by the file and their number.

        Raises:
            DataError: it is damaged, or of another layout.
        """


@contextmanager
def reading(path: Path, what: str) -> Iterator[None]:
    """Turn whatever a library raises for a damaged file into a `DataError`.

    Args:
        path: the file.
        what: it should be, in words.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file.", REPLACE)
    try:
        yield
    except JetchainError:
        raise
    except Exception as error:  # of many kinds
        reason = (str(error).strip().splitlines() or [""])[0]
        raise DataError(
            f"{path}: cannot be read as {what}: it is cut short or damaged "
            f"({type(error).__name__}: {reason}).",
            REPLACE,
        ) from error


def other_layout(path: Path, what: str) -> DataError:
    """The error for a file that is not laid out as its format is."""
    return DataError(
        f"{path}: {what}.",
        f"Correct source.format of its sample in the configuration. {REPLACE}",
    )


def require_names(path: Path, what: str, wanted: list[str], there: Any) -> None:
    """Raise `DataError` where something of a file is missing, named by `what` in the plural."""
    if missing := [name for name in wanted if name not in set(there)]:
        shown = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if missing[5:] else "")
        raise other_layout(path, f"lacks the {what} {shown}")


def require_lengths(path: Path, name: str, lists: Any, expected: NDArray[np.integer]) -> None:
    """Raise `DataError` where the lists of a column are not as long as those that go with them."""
    import awkward as ak

    if np.any(np.asarray(ak.num(lists)) != expected):
        raise other_layout(path, f"{name} has more or fewer entries than what goes with it")


def require_finite(path: Path, name: str, values: Any) -> None:
    """Raise `DataError` where a column that only sorts jets or particles holds no number."""
    values = np.asarray(values)
    if not np.all(finite := np.isfinite(values)):
        raise DataError(
            f"{path}: {name} holds {values[np.argmin(finite)]:g}.",
            f"Take the rows with it out of the file, or find what wrote it so. {REPLACE}",
        )


def require_once(
    path: Path, name: str, jet: NDArray[np.integer], which: NDArray[np.integer]
) -> None:
    """Raise `DataError` where a jet has one particle of the file twice.

    Args:
        path: the file.
        name: of what lists the particles of jets.
        jet, which: of each constituent, numbers of its jet and of its particle; (constituents,).
    """
    order = np.lexsort((which, jet))
    if np.any((np.diff(jet[order]) == 0) & (np.diff(which[order]) == 0)):
        raise DataError(
            f"{path}: {name} lists a particle of a jet twice: its momentum would count twice.",
            f"Write the file with each particle of a jet once. {REPLACE}",
        )


def steps(rows: range) -> Iterator[slice]:
    """Rows in chunks of STEP; one empty chunk where there are none."""
    for start in range(rows.start, max(rows.stop, rows.start + 1), STEP):
        yield slice(start, min(start + STEP, rows.stop))


def padded(momentum: NDArray[Any], label: NDArray[Any], more: Columns | None = None) -> Chunk:
    """Jets in rows of equal length, padded with zeros.

    Args:
        momentum: MOMENTUM, or any four columns of which padding has none; (jets, places, 4).
        label: (jets,).
        more: other columns of the constituents, (jets, places) each.
    """
    real = (momentum != 0).any(axis=2)
    columns = {name: momentum[..., i][real] for i, name in enumerate(MOMENTUM)}
    columns |= {name: values[real] for name, values in (more or {}).items()}
    return Chunk(label, real.sum(axis=1), columns, {})


def one_hot(path: Path, flags: NDArray[Any]) -> NDArray[np.int64]:
    """Labels from one column of 0 or 1 for each, -1 where none is 1; (jets, labels)."""
    flags = np.asarray(flags)
    set_ = flags == 1
    if np.any(~set_ & (flags != 0)) or np.any(set_.sum(axis=1) > 1):
        raise other_layout(path, "the columns of the labels are not 1 for one of them and 0 else")
    return np.where(set_.any(axis=1), set_.argmax(axis=1), -1)


def whole_labels(path: Path, label: NDArray[Any]) -> NDArray[np.int64]:
    """Labels as whole numbers from 0 on; raises `DataError` where one is none."""
    values = np.asarray(label, np.float64)
    whole = np.isfinite(values) & (values == np.round(values)) & (values >= 0) & (values < 2**31)
    if not whole.all():
        wrong = values[np.argmin(whole)]
        raise other_layout(path, f"the label of a jet is {wrong:g}, no whole number from 0 on")
    return values.astype(np.int64)


def kind_of(code: NDArray[Any], charge: NDArray[Any]) -> NDArray[np.int64]:
    """Index into PARTICLE_CLASSES of particles from PDG code and charge."""
    kind = np.where(
        charge != 0,
        PARTICLE_CLASSES.index("charged_hadron"),
        PARTICLE_CLASSES.index("neutral_hadron"),
    )
    for special, name in ((22, "photon"), (11, "electron"), (13, "muon")):
        kind[np.abs(code) == special] = PARTICLE_CLASSES.index(name)
    return kind


def require_usable(path: Path, chunk: Chunk, labels: int, before: int) -> None:
    """Refuse jets with values that nothing behind could use.

    Args:
        path: their file.
        chunk: the jets.
        labels: number of the labels.
        before: rows of the file before them.

    Raises:
        DataError: a value is not finite, a constituent has no positive pT or energy in the graphs'
            32 bits, or a label is none of the format.
    """
    events = np.ones(len(chunk.label), int) if chunk.events is None else chunk.events
    event_of = np.repeat(np.arange(len(events)), events)
    of = np.repeat(event_of, chunk.constituents)

    def refuse(row: int, what: str, value: Any) -> DataError:
        return DataError(
            f"{path}: in row {before + row + 1} of the file, {what} is {value:g}.",
            f"Take the row out of the file, or find what wrote it so. {REPLACE}",
        )

    for name, values in chunk.columns.items():
        if not np.all(finite := np.isfinite(values)):
            bad = int(np.argmin(finite))
            raise refuse(int(of[bad]), f"{name} of a constituent", values[bad])
    for name, values in chunk.jet.items():
        if not np.all(finite := np.isfinite(values)):
            bad = int(np.argmin(finite))
            raise refuse(int(event_of[bad]), f"{name} of the jet", values[bad])
    pt = chunk.jet.get("pt", np.zeros(0))
    if np.any(low := (pt < 0) | ((pt == 0) & (chunk.constituents[: len(pt)] > 0))):
        raise refuse(int(event_of[np.argmax(low)]), "pt of the jet", pt[np.argmax(low)])
    # As the graphs hold them: squares of narrower numbers overflow, or are 0.
    with np.errstate(over="ignore"):
        px, py, e = (chunk.columns[name].astype(np.float32) for name in ("px", "py", "e"))
        pt = np.hypot(px, py)
    for name, values in (("pT", pt), ("energy", e)):
        if not np.all(positive := (values > 0) & np.isfinite(values)):
            bad = int(np.argmin(positive))
            raise refuse(int(of[bad]), f"the {name} of a constituent", values[bad])
    if not np.all(known := (chunk.label >= -1) & (chunk.label < labels)):
        bad = int(np.argmin(known))
        raise refuse(int(event_of[bad]), "the label of the jet", chunk.label[bad])


def whole_jets(chunk: Chunk, radius: float, zcut: float, beta: float) -> Columns:
    """JET_COLUMNS of jets: what the file states, the rest from the sums of the constituents.

    Args:
        chunk: the jets.
        radius, zcut, beta: of soft drop and N-subjettiness: `core.substructure`.
    """
    if chunk.jet.keys() >= set(JET_COLUMNS):
        return chunk.jet
    offset = np.concatenate([[0], np.cumsum(chunk.constituents)])
    momentum = np.stack([chunk.columns[name].astype(np.float64) for name in MOMENTUM], axis=1)
    filled = chunk.constituents > 0
    total = np.zeros((len(chunk.label), 4))
    if filled.any():
        total[filled] = np.add.reduceat(momentum, offset[:-1][filled], axis=0)
    pt, eta, phi = pt_eta_phi(*total[:, :3].T)
    groomed, tau = substructure(momentum, offset[np.r_[filled, True]], radius, zcut, beta)
    found = {"pt": pt, "eta": eta, "phi": phi, "m": invariant_mass(*total.T)}
    inner = {"msd": groomed[:, 0], **{f"tau{n + 1}": tau[:, n] for n in range(tau.shape[1])}}
    for name, values in inner.items():
        found[name] = np.zeros(len(pt))
        found[name][filled] = values
    return {name: chunk.jet.get(name, found[name]) for name in JET_COLUMNS}
