"""Fisher's linear discriminant on jet images, the first tagger that looked at them.

Cogan, Kagan, Strauss and Schwartzman, arXiv:1407.5675. With several classes it is linear
discriminant analysis: normal distributions of all pixels with a mean a class and one covariance,
whose logarithms of likelihood ratios are linear in the pixels. It is computed, not trained.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jetchain.core.settings import key
from jetchain.tagging.batches import Jets
from jetchain.tagging.models import ImageSettings
from jetchain.tagging.models.images import images


class FisherSettings(ImageSettings):
    """Fisher's discriminant on jet images (arXiv:1407.5675)."""

    pixels: int = key(25, "Pixels on each side; of an odd number one is in the middle.", ge=5)
    shrinkage: float = key(
        0.01, "Share of a multiple of the unit matrix in the covariance.", gt=0, le=1
    )


class Fisher(nn.Module):
    """Linear discriminant of the pixels.

    Args:
        inputs: features per particle, which are not looked at.
        classes: number of classes.
        settings: image, shrinkage.
    """

    claims = ("permutation", "irc")

    def __init__(self, inputs: int, classes: int, settings: FisherSettings) -> None:
        super().__init__()
        self.settings = settings
        self.linear = nn.Linear(settings.pixels**2, classes).requires_grad_(False)

    def forward(self, jets: Jets) -> Tensor:
        """Logits of each jet, from the momenta and angles of its particles; (jets, classes)."""
        return self.linear(images(jets, self.settings).flatten(1))

    def fit(self, training: Jets, validation: Jets, seed: int) -> dict[str, list[float]]:
        """Compute the discriminant from weighted means and covariance of the training jets.

        Args:
            training: jets with labels and weights.
            validation: others, for the history.
            seed: not used: nothing is drawn.

        Returns:
            The history, as of `core.training.fit`: one epoch.
        """
        classes, pixels = self.linear.weight.shape
        weight = torch.zeros(classes, dtype=torch.float64)
        mean = torch.zeros(classes, pixels, dtype=torch.float64)
        square = torch.zeros(pixels, pixels, dtype=torch.float64)
        for some in training.batches(1024):
            x = images(some, self.settings).flatten(1).double()
            of = F.one_hot(some.label, classes).double() * some.weight.double()[:, None]
            weight += of.sum(dim=0)
            mean += of.mT @ x
            square += x.mT @ (of.sum(dim=1)[:, None] * x)
        mean /= weight[:, None]
        covariance = (square - mean.mT @ (weight[:, None] * mean)) / weight.sum()
        share = self.settings.shrinkage
        covariance = (1 - share) * covariance + share * covariance.trace() / pixels * torch.eye(
            pixels, dtype=torch.float64
        )
        solved = torch.linalg.solve(covariance, mean.mT).mT  # (classes, pixels)
        self.linear.weight.copy_(solved)
        self.linear.bias.copy_((weight / weight.sum()).log() - 0.5 * (solved * mean).sum(dim=1))
        return {
            "epoch": [1],
            "train_loss": [self._loss(training)],
            "validation_loss": [self._loss(validation)],
        }

    def _loss(self, jets: Jets) -> float:
        """Mean of the weighted cross-entropy."""
        total = 0.0
        for some in jets.batches(1024):
            losses = F.cross_entropy(self(some).double(), some.label, reduction="none")
            total += float((some.weight * losses).sum())
        return total / len(jets)
