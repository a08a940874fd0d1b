"""Small firmware designs with random numbers."""

import numpy as np
import torch

from jetchain.firmware import simulate
from jetchain.firmware.design import build
from jetchain.firmware.design_settings import FormatSettings

FORMATS = FormatSettings()
SMALL = {
    "mlp": {"hidden": [5]},
    "deepsets": {"phi": [4], "rho": [5], "formats": None},
    "jedi_linear": {"embedding": 4, "message": 4, "node": 3, "classifier": [5]},
    "interaction": {"constituents": 4, "pair": [3, 2], "node": [4, 3], "classifier": []},
    "autoencoder": {"hidden": [5, 4], "latent": 3},
}
ROWS, OUTPUTS = 4, 5


def network(name, formats=FORMATS, **more):
    """A design of 4 constituents with random numbers, in torch."""
    torch.manual_seed(2)
    design = build(name, {**SMALL.get(name, {}), **more})
    return design.quantised(design.columns * ROWS, OUTPUTS, formats)


def fixed_of(model, formats=FORMATS, headroom=2):
    """The same in fixed point."""
    model.freeze()
    state = {key: value.numpy() for key, value in model.state_dict().items()}
    return model.design.fixed(state, formats, headroom)


def small(name, formats=FORMATS, headroom=2, **more):
    """A design of 4 constituents with random numbers, in fixed point."""
    return fixed_of(network(name, formats, **more), formats, headroom)


def vectors(fixed, number=300):
    """Inputs over the whole port, and its extremes."""
    port = fixed.port
    random = np.random.default_rng(4).uniform(port.low, port.high, (number, fixed.number))
    random[::2] /= 8.0
    return np.concatenate([fixed.at_port(random), simulate.extremes(fixed)])
