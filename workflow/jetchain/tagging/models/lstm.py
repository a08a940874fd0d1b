"""Long short-term memory that reads the constituents in falling pT.

Egan, Fedorko, Lister, Pearkes and Gay, arXiv:1711.09059: one LSTM, a fully connected layer on its
last state. Theirs reads pT, eta and phi, and does best if the constituents come in the order of
the clustering tree; here they come in falling pT with the tagger's set of features.
"""

from __future__ import annotations

import contextlib

import torch
from torch import Tensor, nn

from jetchain.core.settings import Width, key
from jetchain.tagging.batches import Jets
from jetchain.tagging.models import TaggerSettings
from jetchain.tagging.models.layers import head


class LSTMSettings(TaggerSettings):
    """Sizes of the LSTM (arXiv:1711.09059; half its width by default)."""

    width: int = key(64, "Width of the state.", ge=1)
    fully_connected: list[Width] = key([64], "Widths of the per-jet layers.", min_length=1)


class LSTM(nn.Module):
    """The state after the last particle, and a perceptron on it.

    Args:
        inputs: features per particle.
        classes: number of classes.
        settings: widths.
    """

    def __init__(self, inputs: int, classes: int, settings: LSTMSettings) -> None:
        super().__init__()
        self.lstm = nn.LSTM(inputs, settings.width, batch_first=True)
        self.fc = head([settings.width, *settings.fully_connected], classes)

    def forward(self, jets: Jets) -> Tensor:
        """Logits of each jet, from the features of its particles; (jets, classes)."""
        half = torch.is_autocast_enabled("cpu")  # torch has no such LSTM there
        with torch.autocast("cpu", enabled=False) if half else contextlib.nullcontext():
            states, _ = self.lstm(jets.features)  # (jets, particles, width)
        # What is read after the last particle does not reach the state after it.
        number = jets.mask.sum(dim=1)
        last = (number - 1).clamp(min=0)[:, None, None].expand(-1, 1, states.shape[2])
        state = torch.where(number[:, None] > 0, states.gather(1, last)[:, 0], 0)
        return self.fc(state)
