"""Jets as a network takes them, read from the files of their shards when they are asked for.

A training set may be larger than the memory: what is held of it is a few numbers a jet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from jetchain.core.errors import DataError
from jetchain.core.io.atomic import REMAKE
from jetchain.core.io.mapped import Mapped
from jetchain.core.io.tables import read_result
from jetchain.core.schema.graphs import JET_COLUMNS
from jetchain.core.schema.tagging import (
    TAGGING_FEATURES,
    TAGGING_JETS,
    TAGGING_SPLITS,
    Preprocessing,
    TaggingDataset,
)
from jetchain.core.spectrum import CommonSpectrum
from jetchain.core.training import minibatches
from jetchain.tagging.kept import kept_rows
from jetchain.tagging.preprocessing import Preprocess, preprocessing
from jetchain.tagging.rows import Rows

Integer = NDArray[np.int64]
Read = Callable[[str, Integer], dict[str, Tensor]]

AHEAD = 16
"""Batches that are read at a time: opening a file takes as long as reading many rows of it."""
CHARGE = TAGGING_FEATURES.index("charge")
IDENTITY = [n for n, name in enumerate(TAGGING_FEATURES) if name.startswith("is_")]
HIGH_LEVEL = ("m", "msd", "tau1", "tau2", "tau3", "tau21", "tau32", "constituents")
"""What is known of a jet as a whole, besides the pT and eta that all classes have alike."""


class Jets:
    """Some jets as tensors, each read when it is first asked for.

    A network's ``forward`` takes this and uses what it needs of it; the rest costs nothing.

    Args:
        rows: numbers of the jets, (jets,).
        read: gives a named tensor of the rows that it is handed, and what it has read for it.
        device: where the tensors go.

    Attributes:
        dense: whether `rows` are all places of particles, padding too, as an exported graph needs.
    """

    dense = False

    def __init__(self, rows: Integer, read: Read, device: torch.device | str = "cpu") -> None:
        self._rows, self._read, self._device = rows, read, device
        self._known: dict[str, Tensor] = {}

    @classmethod
    def of(cls, **tensors: Tensor) -> Jets:
        """Jets of these tensors, named as the properties below; (jets, ...) each."""
        made = cls(np.arange(next(iter(tensors.values())).shape[0]), _absent)
        made._known = tensors
        return made

    @classmethod
    def of_places(cls, **tensors: Tensor) -> Jets:
        """The same, `dense`: of as many jets as an exported graph is given."""
        made = cls(np.arange(0), _absent)
        made._known, made.dense = tensors, True
        return made

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, rows: Integer) -> Jets:
        """The chosen jets."""
        made = Jets(self._rows[rows], self._read, self._device)
        chosen = torch.from_numpy(rows)
        made._known = {name: tensor[chosen] for name, tensor in self._known.items()}
        return made

    def batches(self, size: int, shuffle: np.random.Generator | None = None) -> Iterator[Jets]:
        """All jets once, so many at a time, shuffled across the files if a generator is given."""
        for rows in minibatches(len(self), AHEAD * size, shuffle):
            window = self[rows]
            for each in minibatches(len(rows), size):
                yield Jets(each, window._of_mine, self._device)

    def _of_mine(self, name: str, rows: Integer) -> dict[str, Tensor]:
        return {name: self._get(name)[torch.from_numpy(rows)]}

    def replace(self, **tensors: Tensor) -> Jets:
        """The same jets with other tensors in the place of some."""
        made = Jets(self._rows, self._read, self._device)
        made._known = self._known | tensors
        return made

    def to(self, device: torch.device | str) -> Jets:
        """The same jets with their tensors on a device."""
        made = Jets(self._rows, self._read, device)
        made._known = {name: tensor.to(device) for name, tensor in self._known.items()}
        return made

    def _get(self, name: str) -> Tensor:
        if name not in self._known:
            for each, tensor in self._read(name, self._rows).items():
                self._known[each] = tensor.to(self._device)
        return self._known[name]

    @cached_property
    def rows(self) -> Rows:
        """The real particles as rows, jet after jet; see `rows.Rows`."""
        return Rows(self.mask, self.dense)

    @property
    def points(self) -> Tensor:
        """delta_eta, delta_phi of each particle; (jets, particles, 2), 0 where padded."""
        return self._get("points")

    @property
    def features(self) -> Tensor:
        """Those of the tagger's set, standardised; (jets, particles, features), 0 where padded."""
        return self._get("features")

    @property
    def raw(self) -> Tensor:
        """TAGGING_FEATURES as they are; (jets, particles, 17), 0 where padded."""
        return self._get("raw")

    @property
    def mask(self) -> Tensor:
        """Bool, False where padded; (jets, particles)."""
        return self._get("mask")

    @property
    def momentum(self) -> Tensor:
        """px, py, pz, e of each particle (p4), GeV; (jets, particles, 4), 0 where padded."""
        return self._get("momentum")

    @property
    def charge(self) -> Tensor:
        """Charge of each particle; (jets, particles), 0 where padded."""
        return self.raw[..., CHARGE]

    @property
    def identity(self) -> Tensor:
        """1 for electron, muon, photon, charged or neutral hadron; (jets, particles, 5)."""
        return self.raw[..., IDENTITY]

    @property
    def track(self) -> Tensor:
        """d0, z0 and their errors, mm; (jets, particles, 4), 0 where padded or without a track."""
        return self._get("track")

    @property
    def truth(self) -> Tensor:
        """What left each track, as in the jet graphs; (jets, particles, 2), -1 where padded."""
        return self._get("truth")

    @property
    def jet(self) -> Tensor:
        """JET_COLUMNS; (jets, columns)."""
        return self._get("jet")

    @property
    def high_level(self) -> Tensor:
        """HIGH_LEVEL, GeV; (jets, columns); a ratio of which the lower part is 0 is 0."""
        columns = {name: self.jet[:, n] for n, name in enumerate(JET_COLUMNS)}
        for above, below in (("tau2", "tau1"), ("tau3", "tau2")):
            ratio = columns[above] / columns[below].clamp(min=1e-12)
            name = f"tau{above[-1]}{below[-1]}"
            columns[name] = ratio.masked_fill(columns[below] <= 0, 0)
        columns["constituents"] = self._get("constituents").to(self.jet.dtype)
        return torch.stack([columns[name] for name in HIGH_LEVEL], dim=1)

    @property
    def label(self) -> Tensor:
        """Index into the classes of the data set; (jets,)."""
        return self._get("label")

    @property
    def weight(self) -> Tensor:
        """With it all classes have one spectrum, and count the same in a split; (jets,)."""
        return self._get("weight")

    @property
    def event_weight(self) -> Tensor:
        """Weight of the jet's event; (jets,)."""
        return self._get("event_weight")

    @property
    def event_number(self) -> Tensor:
        """Number of the event, unique in its sample; (jets,)."""
        return self._get("event_number")

    @property
    def jet_index(self) -> Tensor:
        """Index of the jet in its event; (jets,)."""
        return self._get("jet_index")


def _absent(name: str, rows: Integer) -> dict[str, Tensor]:
    raise DataError(f"These jets have no '{name}'.", "Give it to Jets.of().")


class JetReader:
    """The tagging data set, of which jets are read as they are asked for.

    Args:
        dataset: of `tagging.dataset`.
        jets: TAGGING_JETS of the shards that it names.
        how: preprocessing of the features; if not given, all of them, by mean and spread.
        part: of the training split, one of so many jets of each class is given.

    Attributes:
        index: what the data set says.
        preprocessing: of the features.

    Raises:
        DataError: a file is missing or damaged, or the shards are not those of the data set.
    """

    def __init__(
        self,
        dataset: Path,
        jets: Sequence[Path],
        how: Preprocessing | None = None,
        part: int = 1,
    ) -> None:
        self.index = read_result(dataset, TaggingDataset)
        classes = self.index.classes
        self.preprocessing = how or preprocessing(self.index, "full", "measured")
        paths = {(path.parent.name, path.stem): path for path in jets}
        names = [(shard.sample, shard.shard) for shard in self.index.shards]
        if set(names) != set(paths):
            raise DataError(f"{dataset}: joins other shards than those given.", REMAKE)
        self._table = Mapped([paths[name] for name in names], TAGGING_JETS)
        if np.diff(self._table.offset).tolist() != [shard.jets for shard in self.index.shards]:
            raise DataError(f"{dataset}: the shards given have other jets.", REMAKE)
        few = ["label", "split", "jet", "weight"]
        everywhere = self._table.rows(np.arange(len(self._table)), few)
        self._label = everywhere["label"]
        self._rows = np.concatenate(
            [
                first + kept_rows(self._label[first : first + shard.jets], shard.kept, classes)
                for first, shard in zip(self._table.offset, self.index.shards, strict=False)
            ]
        )
        spectrum = CommonSpectrum(
            np.array(self.index.pt_edges),
            np.array(self.index.eta_edges),
            np.array([self.index.factor[name] for name in classes]),
        )
        pt, eta = (everywhere["jet"][:, JET_COLUMNS.index(name)] for name in ("pt", "eta"))
        balance = np.array(
            [[self.index.weight[name][split] for split in TAGGING_SPLITS] for name in classes]
        )
        self._weight = (
            spectrum.weights(self._label, pt, eta, everywhere["weight"])
            * balance[self._label, everywhere["split"]]
        )
        if part > 1:
            self._rows = self._rows[self._of_part(everywhere["split"][self._rows], part)]
        self._split = everywhere["split"][self._rows]
        self._preprocess = Preprocess(self.preprocessing)

    def _of_part(self, split: Integer, part: int) -> NDArray[np.bool_]:
        """Which rows stay: all but the training jets that are not one in `part` of their class."""
        stays = split != TAGGING_SPLITS.index("train")
        label = self._label[self._rows]
        for number in range(len(self.index.classes)):
            stays[np.flatnonzero((label == number) & ~stays)[::part]] = True
        return stays

    def split(self, name: str) -> Jets:
        """The jets of a split of TAGGING_SPLITS, classes and shards in their order."""

        def read(what: str, rows: Integer) -> dict[str, Tensor]:
            if what in ("label", "weight"):
                weight = torch.from_numpy(self._weight[rows].astype(np.float32))
                return {"label": torch.from_numpy(self._label[rows]), "weight": weight}
            if what == "event_weight":
                return {what: self._tensors(rows, "weight")["weight"]}
            if what in ("features", "mask", "raw"):
                return read_features(self._table, rows, self._preprocess)
            return self._tensors(rows, what)

        return Jets(self._rows_of(name), read)

    def samples(self, name: str) -> NDArray[np.str_]:
        """The sample of each jet of a split, in the order of `split`; (jets,)."""
        shard = np.searchsorted(self._table.offset, self._rows_of(name), side="right") - 1
        return np.array([each.sample for each in self.index.shards])[shard]

    def _rows_of(self, name: str) -> Integer:
        return self._rows[self._split == TAGGING_SPLITS.index(name)]

    def _tensors(self, rows: Integer, *names: str) -> dict[str, Tensor]:
        arrays = self._table.rows(rows, names)
        return {name: torch.from_numpy(array) for name, array in arrays.items()}


def read_features(table: Mapped, rows: Integer, preprocess: Preprocess) -> dict[str, Tensor]:
    """Features as a network takes them, as they are (raw), and mask; padding stays 0."""
    found = table.rows(rows, ["features", "mask"])
    raw, mask = torch.from_numpy(found["features"]), torch.from_numpy(found["mask"]).bool()
    return {"features": preprocess(raw, mask), "raw": raw, "mask": mask}
