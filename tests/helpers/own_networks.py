"""Networks of the user's own: PyTorch modules, and ONNX node by node."""

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from jetchain.firmware.design import build

ROWS, COLUMNS, CLASSES = 4, 3, 5


class Sets(nn.Module):
    """Constituents one by one, each told of the mean of all; then the jet."""

    def __init__(self) -> None:
        super().__init__()
        self.own, self.of_all = nn.Linear(COLUMNS, 6), nn.Linear(6, 6)
        self.node, self.out = nn.Linear(6, 8, bias=False), nn.Linear(8, CLASSES)

    def forward(self, x):
        x = torch.relu(self.own(x))
        x = x + torch.relu(self.of_all(x.mean(dim=1, keepdim=True)))
        return torch.softmax(self.out(torch.relu(self.node(x)).mean(dim=1)), dim=1)


def perceptron():
    return nn.Sequential(
        nn.Flatten(), nn.Linear(ROWS * COLUMNS, 8), nn.ReLU(), nn.Dropout(0.1),
        nn.Linear(8, CLASSES),
    )  # fmt: skip


class Convolved(nn.Module):
    """The same as kernels of 1, as PyTorch has them: features first."""

    def __init__(self, pool=None) -> None:
        super().__init__()
        self.own = nn.Sequential(nn.Conv1d(COLUMNS, 6, 1), nn.BatchNorm1d(6), nn.ReLU())
        self.of_all, self.node = nn.Conv1d(6, 6, 1), nn.Conv1d(6, 8, 1, bias=False)
        self.pool, self.out = pool, nn.Linear(8, CLASSES)
        nn.init.uniform_(self.own[1].running_mean, -0.5, 0.5)
        nn.init.uniform_(self.own[1].running_var, 0.5, 1.5)

    def forward(self, x):
        x = self.own(x.transpose(1, 2))
        x = x + torch.relu(self.of_all(x.mean(dim=2, keepdim=True)))
        x = torch.relu(self.node(x))
        return self.out(x.mean(dim=2) if self.pool is None else self.pool(x).flatten(1))


def pooled():
    return Convolved(nn.AdaptiveAvgPool1d(1))


class Flattened(nn.Module):
    """A vector first, joined to what a layer makes of it and normalised together."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.own = nn.BatchNorm1d(ROWS * COLUMNS), nn.Linear(ROWS * COLUMNS, 8)
        self.both, self.out = nn.BatchNorm1d(8 + ROWS * COLUMNS), nn.Linear(20, CLASSES)

    def forward(self, x):
        v = self.first(x.flatten(1))
        return self.out(self.both(torch.cat([v, torch.relu(self.own(v))], dim=1)))


class Context(nn.Module):
    """The mean as a row beside the constituents, as it is mostly written."""

    def __init__(self) -> None:
        super().__init__()
        self.own, self.both = nn.Linear(COLUMNS, 6), nn.Linear(12, 8)
        self.out = nn.Linear(8, CLASSES)

    def forward(self, x):
        h = torch.relu(self.own(x))
        h = h + h.mean(dim=1).unsqueeze(1)
        of_all = h.mean(dim=1)[:, None].expand(-1, ROWS, -1)
        return self.out(self.both(0.5 * torch.cat([h, of_all], dim=2)).mean(dim=1))


class Joined(nn.Module):
    """Inputs scaled in the network, features joined to those of all, and sums over constituents."""

    def __init__(self) -> None:
        super().__init__()
        self.scaled, self.own = nn.BatchNorm1d(COLUMNS), nn.Linear(COLUMNS, 6)
        self.both, self.out = nn.Linear(12, 8), nn.Linear(8 + COLUMNS, CLASSES)
        nn.init.uniform_(self.scaled.running_mean, -0.5, 0.5)
        nn.init.uniform_(self.scaled.running_var, 0.5, 1.5)

    def forward(self, x):
        x = self.scaled(x.transpose(1, 2)).transpose(1, 2)
        h = torch.relu(self.own(x))
        of_all = h.mean(dim=1, keepdim=True).expand(-1, ROWS, -1)
        h = torch.relu(self.both(torch.cat([h, of_all], dim=2)))
        return 0.5 * self.out(torch.cat([h.sum(dim=1), x.mean(dim=1)], dim=1))


def exported(model, path, rows=ROWS):
    """Write a module as .onnx or .pt2; logits of jets by the module itself."""
    shown = (torch.randn(2, rows, COLUMNS),)
    batch = ({0: torch.export.Dim("jets")},)
    program = torch.export.export(model.eval(), shown, dynamic_shapes=batch)
    if path.suffix == ".pt2":
        torch.export.save(program, path)
    else:
        torch.onnx.export(program, f=path, dynamo=True, verbose=False)
    return path


def own(path, **more):
    return build("own", {"file": str(path), "features": "kinematics", **more})


RANDOM = np.random.default_rng(5)
NUMBERS = {
    name: RANDOM.normal(0, 0.5, shape).astype(np.float32)
    for name, shape in {
        "w1": (12, 8), "b1": 8, "w2": (8, CLASSES), "b2": CLASSES, "w3": (8, 8),
        "kernel": (8, COLUMNS, 1),
    }.items()
} | {name: RANDOM.uniform(0.5, 1.5, 8).astype(np.float32) for name in "stmv"}  # fmt: skip
FIRST = [("Gemm", "x w1 b1", "a", {}), ("Relu", "a", "r", {})]
TURN = ("Transpose", "x", "xt", {"perm": [0, 2, 1]})
ENDED = [
    ("GlobalAveragePool", "e", "p", {}), ("Flatten", "p", "q", {}), ("Gemm", "q w2 b2", "y", {})
]  # fmt: skip
LAST, TO_Z = ("Gemm", "r w2 b2", "y", {}), ("Gemm", "r w2 b2", "z", {})


def written(path, nodes, numbers=None, shape=("jets", 12), opset=17):
    """A file of nodes (kind, inputs, outputs, attributes) and of the constants that they name."""
    names = {name for _, inputs, *_ in nodes for name in inputs.split()}
    held = {
        name: values for name, values in {**NUMBERS, **(numbers or {})}.items() if name in names
    }
    graph = helper.make_graph(
        [helper.make_node(kind, i.split(), o.split(), **more) for kind, i, o, more in nodes], "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["jets", CLASSES])],
        [numpy_helper.from_array(np.asarray(values), name) for name, values in held.items()],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.save(model, path)
    return path


def turned(name):
    return NUMBERS[name].T.copy()
