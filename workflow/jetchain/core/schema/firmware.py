"""Results of the firmware room."""

from __future__ import annotations

from jetchain.core.schema.base import Estimate, Result


class FirmwareCutflow(Result):
    """Jets of the data set.

    Fields:
        jets: number of jets read, without a class, and of classes left out.
        kept: number of jets by class and by split.
    """

    jets: dict[str, int]
    kept: dict[str, dict[str, int]]


class Performance(Result):
    """Figures of merit of a network on the test jets.

    Fields:
        accuracy: balanced over the classes.
        auc: of each class against the others.
        classes: in the order of the outputs.
        test_jets, weights: their number.
        sparsity: part of the weights that are zero.
    """

    accuracy: Estimate
    auc: dict[str, Estimate]
    classes: list[str]
    test_jets: int
    weights: int
    sparsity: float


class Port(Result):
    """The elements of a port: number, bits of each, fraction bits, and 1 where it is signed."""

    number: int
    width: int
    fraction: int
    signed: int


class Pipeline(Result):
    """Stages and registers that a cutoff (largest depth of a stage, in adder delays) gives."""

    latency_cutoff: float
    stages: int
    register_bits: int


class RTLDesign(Result):
    """A Verilog project as da4ml sees it.

    Fields:
        latency_cutoff: largest depth of a pipeline stage in adder delays.
        predicted_latency_cycles: clocks.
        register_bits: of all pipeline stages.
        estimated_luts: da4ml's cost model.
        inputs, outputs: layout of the ports.
        scan: other cutoffs, none of them written or simulated.
    """

    latency_cutoff: float
    predicted_latency_cycles: int
    register_bits: int
    estimated_luts: float
    inputs: Port
    outputs: Port
    scan: list[Pipeline]


class Comparison(Result):
    """Outputs of a simulation beside those of the quantised network; `vectors` are inputs."""

    vectors: int
    outputs: int
    differing: int


class HLSSimulation(Comparison):
    """The C simulation of the HLS project."""

    test_jets: int


class RTLSimulation(HLSSimulation):
    """The simulation of the Verilog; its latency and initiation interval in clocks."""

    latency_cycles: int
    initiation_interval_cycles: int


class Published(Result):
    """Accuracies of published networks, and where they stand."""

    source: str
    accuracy: dict[str, float]


class NetworkSize(Result):
    """Numbers from layer to layer, number of weights, and the part of them that is zero."""

    widths: list[int]
    weights: int
    sparsity: float


class Simulated(Result):
    """Both simulations."""

    hls: HLSSimulation
    rtl: Comparison


class Latency(Result):
    """Timing of the Verilog: in clocks, and at the clock period asked for in ns."""

    cycles_measured: int
    cycles_predicted: int
    initiation_interval_measured: int
    clock_period_ns: float
    latency_ns: float
    interval_ns: float


class Budget(Result):
    """What a trigger allows, in ns, and whether the design keeps to it."""

    bunch_spacing_ns: float
    latency_ns: float
    keeps_up: bool
    in_time: bool


class DesignCost(Result):
    """What the simulated design costs; see `RTLDesign`."""

    latency_cutoff: float
    register_bits: int
    estimated_luts: float
    part: str


class FirmwareReport(Result):
    """One design from the float network to the Verilog.

    Fields:
        accuracy: balanced, of floating, quantised, hls and rtl, on the same replicas.
        accuracy_loss_from_quantisation: floating less quantised, jet by jet.
        auc: of each class, of floating and quantised.
        test_jets: their number.
        published, network, simulated, latency, budget, design: see there.
    """

    accuracy: dict[str, Estimate]
    accuracy_loss_from_quantisation: Estimate
    auc: dict[str, dict[str, Estimate]]
    test_jets: int
    published: Published
    network: NetworkSize
    simulated: Simulated
    latency: Latency
    budget: Budget
    design: DesignCost
