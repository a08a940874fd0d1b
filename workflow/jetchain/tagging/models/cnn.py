"""Convolutional network on jet images.

The design of Kasieczka, Plehn, Russell and Schell, arXiv:1701.08784 (DeepTop): blocks of
convolutions, each with a maximum over pixels after it, then fully connected layers. How an image
is made stands in `images`. The default widths were not checked against the paper's.
"""

from __future__ import annotations

import itertools

from torch import Tensor, nn

from jetchain.core.settings import Width, Widths, key
from jetchain.tagging.batches import Jets
from jetchain.tagging.models import ImageSettings
from jetchain.tagging.models.images import images
from jetchain.tagging.models.layers import head


class CNNSettings(ImageSettings):
    """Sizes of the network on jet images (arXiv:1701.08784)."""

    channels: list[Widths] = key(
        [[8, 8], [8, 8]],
        "Widths of the convolutions of each block, which ends with a maximum over 2 x 2 pixels.",
        min_length=1,
    )
    kernel: int = key(4, "Pixels on each side of a convolution.", ge=1)
    fully_connected: list[Width] = key([64, 64, 64], "Widths of the per-jet layers.", min_length=1)

    def complaint(self, particles: int) -> str:
        """Of the image something must be left."""
        if self.left() > 0:
            return ""
        return f"pixels ({self.pixels}) must be more for {len(self.channels)} blocks"

    def left(self) -> int:
        """Pixels on each side after all blocks."""
        side = self.pixels
        for block in self.channels:
            # An even kernel with half its size around gives one pixel more.
            side = (side + len(block) * (1 - self.kernel % 2)) // 2
        return side


class CNN(nn.Module):
    """Blocks of convolutions and maxima on the image, and a perceptron.

    Args:
        inputs: features per particle, which are not looked at.
        classes: number of classes.
        settings: image, widths.
    """

    claims = ("permutation", "irc")

    def __init__(self, inputs: int, classes: int, settings: CNNSettings) -> None:
        super().__init__()
        self.settings = settings
        layers: list[nn.Module] = []
        width, size = 1, settings.kernel
        for block in settings.channels:
            for a, b in itertools.pairwise([width, *block]):
                layers += [nn.Conv2d(a, b, size, padding=size // 2), nn.ReLU()]
            layers.append(nn.MaxPool2d(2))
            width = block[-1]
        self.convolutions = nn.Sequential(*layers)
        pixels = settings.left() ** 2
        self.fc = head([width * pixels, *settings.fully_connected], classes)

    def forward(self, jets: Jets) -> Tensor:
        """Logits of each jet, from the momenta and angles of its particles; (jets, classes)."""
        image = images(jets, self.settings)[:, None]  # (jets, 1, pixels, pixels)
        return self.fc(self.convolutions(image).flatten(1))
