"""Boosted trees on masses, subjettiness and multiplicity: the baseline of all taggers.

Gradient boosting as of Friedman (Annals of Statistics 29 (2001) 1189) on histograms, by
scikit-learn's HistGradientBoostingClassifier; the variables are `batches.HIGH_LEVEL`. What is kept
are the arrays of its trees, which any program can read and torch evaluates: no pickle.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from jetchain.core.forest import tree_of
from jetchain.core.settings import key
from jetchain.tagging.batches import Jets
from jetchain.tagging.models import OfMomenta


class BDTSettings(OfMomenta):
    """Sizes of the boosted trees; the settings of training are not theirs."""

    iterations: int = key(200, "Largest number of trees of a class.", ge=1)
    learning_rate: float = key(0.1, "Learning rate of the boosting.", gt=0)
    leaves: int = key(15, "Largest number of leaves of a tree.", ge=2)
    depth: int = key(6, "Largest number of cuts before a leaf.", ge=1)
    patience: int = key(10, "Trees without a better validation loss before it stops.", ge=1)

    def sees(self, feature_set: str) -> str:
        """See `TaggerSettings`."""
        return "variables of the jet"


class BDT(nn.Module):
    """A sum of trees for each class; for one in all, if there are two.

    Args:
        inputs: features per particle, which are not looked at.
        classes: number of classes.
        settings: sizes.
    """

    claims = ("permutation",)

    def __init__(self, inputs: int, classes: int, settings: BDTSettings) -> None:
        super().__init__()
        self.settings, self._two = settings, classes == 2
        shape = (settings.iterations, 1 if self._two else classes, 2 * settings.leaves - 1)
        # The threshold of an inner node, the value of a leaf; a leaf's children are itself.
        self.number = nn.Parameter(torch.zeros(shape, dtype=torch.float64), requires_grad=False)
        for name in ("feature", "left", "right"):
            self.register_buffer(name, torch.zeros(shape, dtype=torch.int64))
        self.register_buffer("start", torch.zeros(shape[1], dtype=torch.float64))

    def forward(self, jets: Jets) -> Tensor:
        """Logits of each jet, from what is known of it as a whole; (jets, classes)."""
        x = jets.high_level.double()
        iterations, trees, nodes = self.number.shape
        number, feature = self.number.flatten(), self.feature.flatten()
        left, right = self.left.flatten(), self.right.flatten()
        first = torch.arange(iterations * trees, device=x.device) * nodes
        place = first.expand(x.shape[0], -1)  # (jets, iterations * trees), of a node among all
        for _ in range(self.settings.depth):
            goes_left = x.gather(1, feature[place]) <= number[place]
            place = first + torch.where(goes_left, left[place], right[place])
        logits = self.start + number[place].unflatten(1, (iterations, trees)).sum(dim=1)
        if self._two:
            logits = torch.cat([torch.zeros_like(logits), logits], dim=1)
        return logits.to(jets.jet.dtype)

    def fit(self, training: Jets, validation: Jets, seed: int) -> dict[str, list[float]]:
        """Grow the trees, and keep those up to the best validation loss.

        Args:
            training, validation: jets with labels and weights.
            seed: of what scikit-learn draws.

        Returns:
            The history, as of `core.training.fit`: an epoch is one tree a class.
        """
        from sklearn.ensemble import HistGradientBoostingClassifier

        sizes = self.settings
        x, label, weight = _arrays(training)
        other_x, other_label, other_weight = _arrays(validation)
        boosting = HistGradientBoostingClassifier(
            max_iter=sizes.iterations,
            learning_rate=sizes.learning_rate,
            max_leaf_nodes=sizes.leaves,
            max_depth=sizes.depth,
            early_stopping=True,
            n_iter_no_change=sizes.patience,
            random_state=seed,
        ).fit(
            x, label, weight, X_val=other_x, y_val=other_label, sample_weight_val=other_weight
        )  # fmt: skip
        best = max(1, int(np.argmax(boosting.validation_score_)))
        self.keep(boosting, best)
        epochs = np.arange(1, len(boosting.train_score_))
        return {
            "epoch": epochs.tolist(),
            "train_loss": (-boosting.train_score_[1:]).tolist(),
            "validation_loss": (-boosting.validation_score_[1:]).tolist(),
        }

    def keep(self, boosting: Any, iterations: int) -> None:
        """Take over the first trees of a fitted HistGradientBoostingClassifier."""
        self.start.copy_(torch.from_numpy(boosting._baseline_prediction.ravel()))
        for n, trees in enumerate(boosting._predictors[:iterations]):
            for k, predictor in enumerate(trees):
                tree = tree_of(predictor)
                leaf = tree["left"] == tree["right"]
                tree["number"] = np.where(leaf, tree["value"], tree["threshold"])
                for name in ("number", "feature", "left", "right"):
                    getattr(self, name)[n, k, : len(leaf)] = torch.from_numpy(tree[name])


def _arrays(jets: Jets) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return jets.high_level.double().numpy(), jets.label.numpy(), jets.weight.numpy()
