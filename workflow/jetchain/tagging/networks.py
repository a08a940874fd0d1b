"""Building a tagger by its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from jetchain.core.schema.jets import JET_CLASSES
from jetchain.core.schema.tagging import TAGGING_FEATURES
from jetchain.core.settings import Settings
from jetchain.tagging.models import MODELS


def build(name: str, settings: Mapping[str, Any] | Settings) -> nn.Module:
    """The tagger of this name, with fresh weights; it takes `batches.Jets`.

    Args:
        name: its key in `MODELS`.
        settings: its section of the configuration.

    Raises:
        ConfigurationError: no tagger has this name, or the settings are not its own.
    """
    own = MODELS.decode(name, settings)
    return MODELS.load(name)(len(TAGGING_FEATURES), len(JET_CLASSES), own)
