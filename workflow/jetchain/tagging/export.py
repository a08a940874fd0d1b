"""A trained tagger as an ONNX graph, for programs without torch; compared with the network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from jetchain.core.errors import DataError, ToolError
from jetchain.core.foreign import told
from jetchain.core.io.atomic import atomic
from jetchain.core.io.tables import write_result
from jetchain.core.schema.graphs import JET_COLUMNS
from jetchain.core.schema.tagging import TAGGING_FEATURES, ExportReport, TrainedTagger
from jetchain.core.seeds import generator, make_deterministic
from jetchain.core.verbs import Input, Output
from jetchain.tagging.batches import Jets
from jetchain.tagging.networks import load
from jetchain.tagging.preprocessing import Preprocess

INPUTS = ("features", "points", "momentum", "track", "jet", "constituents", "mask")
"""Of the graph, in this order: TAGGING_FEATURES as they are, and the others as in `Jets`."""
TOLERANCE = 1e-5
COMPARED = 32


def export(*, weights: Input, graph: Output, report: Output, seed: int) -> None:
    """Write a trained tagger with its preprocessing as an ONNX graph.

    Any number of jets with as many places as it was trained on: INPUTS to logits (jets, classes).

    Args:
        weights: of `tagging.train`.
        graph: where to write the ONNX file.
        report: where to write its inputs, its classes and how far it is from the network.
        seed: of the jets on which the two are compared.

    Raises:
        ToolError: onnxscript or onnxruntime is not installed.
        DataError: the network computes what no graph has; or the graph's outputs are not its.
    """
    try:
        import onnxruntime
        import onnxscript  # noqa: F401 - torch needs it to write the graph
    except ImportError as error:
        raise ToolError(
            f"No ONNX graph can be written ({error}).", "Install it: `make` installs the lock."
        ) from error
    make_deterministic(0)
    network, about = load(weights)
    whole = Whole(network, about)
    jets = made_up(COMPARED, about.particles, generator(seed, "export"))
    with atomic(graph) as temporary:
        try:
            write_onnx(temporary, whole, jets)
        except Exception as error:
            raise DataError(
                f"{weights}: torch cannot write {about.tagger} as a graph ({told(error)}).",
                "Leave out branches and sizes that hang on values, and what is not of torch; "
                "jets.rows has the particles without padding.",
            ) from error
        session = onnxruntime.InferenceSession(
            temporary.read_bytes(), providers=["CPUExecutionProvider"]
        )
    largest = 0.0
    for some in (jets, [values[:1] for values in jets]):
        fed = {name: values.numpy() for name, values in zip(INPUTS, some, strict=True)}
        taken = {each.name for each in session.get_inputs()}
        (found,) = session.run(None, {name: fed[name] for name in fed if name in taken})
        with torch.no_grad():
            expected = whole(*some).numpy()
        largest = max(largest, float(np.abs(found - expected).max()))
    if not largest < TOLERANCE:
        raise DataError(
            f"{graph}: its logits are up to {largest:.2g} from those of the network.",
            "Report it with the weights: the graph is not to be used.",
        )
    write_result(
        report,
        ExportReport(
            tagger=about.tagger,
            classes=about.classes,
            particles=about.particles,
            inputs=[name for name in INPUTS if name in taken],
            features=list(TAGGING_FEATURES),
            largest_difference=largest,
        ),
    )


class Whole(nn.Module):
    """A trained tagger with its preprocessing, on tensors instead of `Jets`.

    Args:
        network: for evaluation.
        about: what its file says of it.
    """

    def __init__(self, network: nn.Module, about: TrainedTagger) -> None:
        super().__init__()
        self.network = network
        self._preprocess = Preprocess(about.preprocessing)

    def forward(
        self,
        features: Tensor,
        points: Tensor,
        momentum: Tensor,
        track: Tensor,
        jet: Tensor,
        constituents: Tensor,
        mask: Tensor,
    ) -> Tensor:
        """Logits of each jet; (jets, classes).

        Args:
            features: TAGGING_FEATURES as they are; (jets, particles, 17).
            points, momentum, track, jet, constituents, mask: as in `Jets`.
        """
        jets = Jets.of_places(
            features=self._preprocess(features, mask),
            raw=features,
            points=points,
            momentum=momentum,
            track=track,
            jet=jet,
            constituents=constituents,
            mask=mask,
        )
        return self.network(jets)


def write_onnx(path: Path, whole: Whole, jets: list[Tensor]) -> None:
    """Write the graph, for any number of jets.

    Args:
        path: where to.
        whole: what is written.
        jets: INPUTS of some jets, from which it is traced.
    """
    torch.onnx.export(
        exported(whole, jets), (), path, dynamo=True, external_data=False, verbose=False,
        input_names=list(INPUTS), output_names=["logits"],
    )  # fmt: skip


def exported(whole: Whole, jets: list[Tensor]) -> torch.export.ExportedProgram:
    """The graph of a tagger, for any number of jets (`torch.export`); arguments of `write_onnx`."""
    number = torch.export.Dim("jets")
    with torch.no_grad():
        return torch.export.export(
            whole, tuple(jets), dynamic_shapes=tuple({0: number} for _ in jets), strict=False
        )


def made_up(jets: int, places: int, random: np.random.Generator) -> list[Tensor]:
    """INPUTS of jets of random particles, of one to as many as there are places."""
    lengths = np.concatenate([[1, places], random.integers(1, places + 1, jets - 2)])
    mask = np.arange(places) < lengths[:, None]

    def normal(*columns: int) -> Tensor:
        values = random.normal(size=(jets, places, *columns)) * mask[..., None]
        return torch.from_numpy(values.astype(np.float32))

    three = normal(3)
    energy = (three.square().sum(dim=2, keepdim=True) + 0.02).sqrt()
    return [
        normal(len(TAGGING_FEATURES)),
        normal(2),
        torch.cat([three, energy], dim=2) * torch.from_numpy(mask)[..., None],
        normal(4),
        torch.from_numpy(random.uniform(0.1, 1, (jets, len(JET_COLUMNS))).astype(np.float32)),
        torch.from_numpy(lengths.astype(np.int32)),
        torch.from_numpy(mask),
    ]
