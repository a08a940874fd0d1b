"""The particles of a batch as rows, jet after jet: padding is not computed on.

A graph that is exported (`torch.export`, ONNX) cannot have as many rows as there are real
particles; there a batch is `dense`, its rows are all places, and what padding gives is left out.
"""

from __future__ import annotations

import torch
from torch import Tensor


class Rows:
    """The rows of a batch.

    Args:
        mask: False where padded; (jets, particles).
        dense: whether padded places are rows too.

    Attributes:
        mask, dense: as given.
        all: whether all places are rows: the batch is dense, or has no padding.
        jets, places: of the batch.
        place: place of each row among all of the batch; (rows,).
        number: of each place, its row; that after the last for padding; (jets, particles).
        count: number of rows, padding of a dense batch included.
    """

    def __init__(self, mask: Tensor, dense: bool = False) -> None:
        self.mask, self.dense = mask, dense
        self.jets, self.places = mask.shape
        flat = mask.flatten()
        # Without padding the two are the same, and no look-up is needed.
        self.all = dense or bool(flat.all())
        self._flat = flat
        if self.all:
            self.count = self.jets * self.places
            self.place = torch.arange(self.count, device=mask.device)
            number = self.place.masked_fill(~flat, self.count)
        else:
            self.place = flat.nonzero()[:, 0]
            self.count = len(self.place)
            number = (flat.cumsum(0) - 1).masked_fill(~flat, self.count)
        self.number = number.view(mask.shape)

    def take(self, values: Tensor) -> Tensor:
        """Rows of what is given by place: (jets, particles, ...) to (rows, ...)."""
        flat = values.flatten(0, 1)
        return flat if self.all else flat.index_select(0, self.place)

    def spread(self, rows: Tensor) -> Tensor:
        """By place what is given by row: (rows, columns) to (jets, particles, columns)."""
        if not self.all:
            empty = rows.new_zeros(self.jets * self.places, rows.shape[1])
            rows = empty.index_copy(0, self.place, rows)
        return self._real(rows).view(self.jets, self.places, rows.shape[1])

    def total(self, rows: Tensor) -> Tensor:
        """Sum over the real particles of each jet: (rows, columns) to (jets, columns)."""
        if self.all:
            return self._real(rows).view(self.jets, self.places, rows.shape[1]).sum(dim=1)
        empty = rows.new_zeros(self.jets, rows.shape[1])
        return empty.index_add(0, self.place // self.places, rows)

    def _real(self, rows: Tensor) -> Tensor:
        """Zeros in the place of the padding of a dense batch."""
        return rows.masked_fill(~self._flat[:, None], 0) if self.dense else rows
