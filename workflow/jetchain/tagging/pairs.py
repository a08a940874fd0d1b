"""Pairs of particles of the same jet, one row each: padding is not computed on.

As in `rows.Rows`, a batch that is `dense` has rows for padding too; what they give is left out.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torch import Tensor

from jetchain.tagging.rows import Rows

Kind = Literal["all", "others", "unordered"]


def compact(rows: Rows) -> Rows:
    """The same rows with each jet's at its first places, of which there are as many as needed."""
    if rows.all:
        return rows
    lengths = rows.mask.sum(dim=1, keepdim=True)
    return Rows(torch.arange(max(int(lengths.max()), 1), device=lengths.device) < lengths)


class Pairs:
    """Pairs of rows, jet after jet, and for each particle all of its pairs one after the other.

    Args:
        rows: of the particles.
        kind: "all" ordered pairs, also of a particle with itself; "others", without these; or
            "unordered", those of "all" of which the second is not behind the first.

    Attributes:
        first, second: row of each particle; (pairs,).
        count: number of pairs.
    """

    def __init__(self, rows: Rows, kind: Kind) -> None:
        n, device = rows.places, rows.mask.device
        place = np.arange(n)
        difference = place[:, None] - place
        pattern = {"all": difference == difference, "others": difference != 0}
        chosen = pattern.get(kind, difference >= 0)
        one, other = (torch.from_numpy(x).to(device) for x in np.nonzero(chosen))
        self._rows, self._chosen = rows, chosen
        real = (rows.mask[:, one] & rows.mask[:, other]).flatten()  # (jets * pairs of places)
        at = torch.arange(rows.jets * n, device=device).view(rows.jets, n)
        number = at if rows.all else rows.number
        self.first, self.second = number[:, one].flatten(), number[:, other].flatten()
        if rows.all:
            self.count = self.first.shape[0]
            order = torch.arange(self.count, device=device)
        else:
            kept = real.nonzero()[:, 0]
            self.count = len(kept)
            self.first, self.second = self.first[kept], self.second[kept]
            order = real.cumsum(0) - 1
        self._real = real if rows.dense else None
        self._number = order.masked_fill(~real, self.count).view(rows.jets, -1)

    @property
    def number(self) -> Tensor:
        """Of each two places, the row of their pair in any order; the last for padding.

        For "all" and "unordered"; (jets, places, places).
        """
        n = self._rows.places
        index = np.zeros((n, n), np.int64)
        index[self._chosen] = np.arange(self._chosen.sum())
        index = np.where(self._chosen, index, index.T)
        return self._number[:, torch.from_numpy(index).flatten()].view(-1, n, n)

    def total(self, values: Tensor, over_first: bool = False) -> Tensor:
        """Sum over the pairs of each first, or each second, particle.

        Args:
            values: (pairs, columns).
            over_first: whether particles are taken as the second of a pair.

        Returns:
            (rows, columns).
        """
        values = values if self._real is None else values.masked_fill(~self._real[:, None], 0)
        empty = values.new_zeros(self._rows.count, values.shape[1])
        return empty.index_add(0, self.second if over_first else self.first, values)
