"""A network of your own by its import path; without one, an example.

The class, or a function that gives a network, is called with the numbers of features and classes,
and its options. The network takes `batches.Jets` and gives logits; each answer is looked at.
"""

from __future__ import annotations

from pathlib import Path
from types import FunctionType
from typing import Any

from pydantic import model_validator
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from jetchain.core import foreign
from jetchain.core.errors import ConfigurationError
from jetchain.core.settings import key
from jetchain.tagging.batches import Jets
from jetchain.tagging.models import TaggerSettings
from jetchain.tagging.models.layers import dense, head, share_of_pt


class OwnTaggerSettings(TaggerSettings):
    """Where the network is, and what it is handed."""

    folder: str = key(
        ".",
        "Folder that has its module or package, as seen from that of the run; one that is "
        "installed needs none.",
    )
    network: str | None = key(
        None,
        "Import path of its class, or of a function that gives it, such as mynets.MyNet, whose "
        "name it has in figures; null: an example.",
    )
    options: dict[str, Any] = key({}, "Keywords that it is called with, plain values.")
    sources: dict[str, str] = key({}, "What its code is made of; filled in when a run is planned.")

    @model_validator(mode="before")
    @classmethod
    def _as_planned(cls, values: Any) -> Any:
        """Filled in where nothing is said of the sources: in a plan, not in its jobs."""
        if not isinstance(values, dict) or values.get("sources"):
            return values
        path, folder = values.get("network"), values.get("folder", ".")
        if not isinstance(path, str) or not isinstance(folder, str):
            return values
        place = Path(folder).expanduser()
        try:
            foreign.require(path, place)
            made_of = foreign.sources(path, place)
        except ConfigurationError as error:
            raise ValueError(f"network: {error.cause} {error.remedy}") from None
        return {**values, "sources": made_of}


def own(inputs: int, classes: int, settings: OwnTaggerSettings) -> nn.Module:
    """The user's network, with fresh weights.

    Args:
        inputs: features per particle.
        classes: number of classes.
        settings: where it is.

    Raises:
        ConfigurationError: it is not there, is no network, or does not take what it is handed.
        DataError: its code is not that of the settings.
    """
    make: Any = Example
    if settings.network is not None:
        folder = Path(settings.folder).expanduser()
        make = foreign.load(settings.network, folder, settings.sources)
    name = settings.network or Example.__name__
    network_class = isinstance(make, type) and issubclass(make, nn.Module)
    if not network_class and not isinstance(make, FunctionType):
        raise ConfigurationError(
            f"{name} is neither a class derived from torch.nn.Module nor a function.",
            "Name one in tagging.models.own.network.",
        )
    called = ", ".join(
        [str(inputs), str(classes), *(f"{key}={each!r}" for key, each in settings.options.items())]
    )
    try:
        network = make(inputs, classes, **settings.options)
    except Exception as error:
        raise ConfigurationError(
            f"{name}({called}) fails: {foreign.told(error)}.",
            "Correct tagging.models.own.options, or what it is called with: the numbers of "
            "features and classes, and the options.",
        ) from error
    if not isinstance(network, nn.Module):
        raise ConfigurationError(
            f"{name}({called}) gives no torch.nn.Module, but {type(network).__name__}.",
            "Return the network.",
        )
    _require_parameters(network, name)
    network.register_forward_hook(_Answers(name, classes))
    return network


def _require_parameters(network: nn.Module, name: str) -> None:
    """Raise `ConfigurationError` where steps along a gradient have nothing to train."""
    parameters = dict(network.named_parameters())
    lazy = [each for each, parameter in parameters.items() if is_lazy(parameter)]
    if lazy:
        raise ConfigurationError(
            f"{name}: the size of '{lazy[0]}' is not known before it is used.",
            "Give it its size: the first argument is the number of features of a particle.",
        )
    if not hasattr(network, "fit") and not any(p.requires_grad for p in parameters.values()):
        raise ConfigurationError(
            f"{name} has no parameter to train.",
            "Assign its layers to attributes of the module, or give it a method "
            "fit(training, validation, seed).",
        )


class _Answers:
    """Looks at what a network answers: its shape always, its values in its first training step.

    Args:
        name: of the network.
        classes: their number.
    """

    def __init__(self, name: str, classes: int) -> None:
        self._name, self._classes, self._seen = name, classes, False

    def __call__(self, network: nn.Module, given: tuple[Jets], logits: Any) -> None:
        (jets,) = given
        if jets.dense:  # of a graph that is exported, whose number of jets is a symbol
            return
        wanted = (len(jets), self._classes)
        if not isinstance(logits, Tensor) or logits.shape != wanted:
            what = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
            raise ConfigurationError(
                f"{self._name} gives {what} for {len(jets)} jets and {self._classes} classes.",
                "Return one number a jet and class from its forward, as a tensor (jets, classes); "
                "also of a single jet.",
            )
        if self._seen or not network.training or hasattr(network, "fit"):
            return
        self._seen = True
        if not logits.requires_grad:
            raise ConfigurationError(
                f"{self._name}: its answer does not depend on its parameters.",
                "Leave out no_grad, detach, argmax and rounding.",
            )
        wrong = (~logits.isfinite()).any(dim=1).sum()
        if wrong:
            raise ConfigurationError(
                f"{self._name} gives no numbers for {int(wrong)} of {len(jets)} jets before its "
                "first step.",
                "Look at what it divides by and takes the logarithm of where a place is padded "
                "(jets.mask).",
            )


class Example(nn.Module):
    """F(sum_i z_i Phi(p_i)), z_i the share of a particle in the jet's pT, Phi of all its features.

    The energy-flow network with all features in the place of the angle: arXiv:1810.05165, eq. 1.1.

    Args:
        inputs: features per particle.
        classes: number of classes.
        width: of all layers.
    """

    claims = ("permutation",)

    def __init__(self, inputs: int, classes: int, width: int = 32) -> None:
        super().__init__()
        self.phi = nn.Sequential(*dense([inputs, width, width]))
        self.last = head([width, width], classes)

    def forward(self, jets: Jets) -> Tensor:
        """Logits of each jet; (jets, classes)."""
        rows = jets.rows
        share = rows.take(share_of_pt(jets)[..., None])  # (rows, 1)
        return self.last(rows.total(share * self.phi(rows.take(jets.features))))
