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
        calibrated: at the cutoff of the published designs by which clocks are estimated.
        scan: other cutoffs, none of them written or simulated.
    """

    latency_cutoff: float
    predicted_latency_cycles: int
    register_bits: int
    estimated_luts: float
    inputs: Port
    outputs: Port
    calibrated: Pipeline
    scan: list[Pipeline]


class FirmwareTimes(Result):
    """What a jet takes in a design's float network on a processor, by design.

    Fields:
        unit: of the times, in words.
        machine: its processor.
        batch: jets that `batched` asks for at once.
        alone: of one jet after the other, the calls of PyTorch with it.
        batched: of one of many.
    """

    unit: str
    machine: str
    batch: int
    alone: dict[str, float]
    batched: dict[str, float]


class MappedDesign(Result):
    """A Verilog project as Yosys maps it to UltraScale+; nothing is placed or routed.

    Fields:
        luts, flip_flops, carries, dsps, block_rams, inverters: cells; a carry spans four bits.
        luts_by_inputs: those of one to six inputs.
        others: cells of other kinds, by Yosys's name.
        yosys: its version.
        estimated_luts, register_bits: of da4ml, as in `RTLDesign`.
    """

    luts: int
    flip_flops: int
    carries: int
    dsps: int
    block_rams: int
    inverters: int
    luts_by_inputs: list[int]
    others: dict[str, int]
    yosys: str
    estimated_luts: float
    register_bits: int


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
    """Numbers from layer to layer, number of weights, and the part of them that is zero.

    Fields:
        bits: of each input, weight and activation.
    """

    widths: list[int]
    bits: dict[str, int]
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


class Estimates(Result):
    """What the chip would need, by da4ml's cost and the post-route reports of published designs.

    Fields:
        luts: smallest and largest.
        part_luts: of a VU13P, the chip of the published designs, whatever `DesignCost.part` is.
        latency_cutoff, cycles: of the pipeline whose clock is estimated.
        clock_period_ns, latency_ns, interval_ns: smallest and largest.
        source: of the reports.
    """

    luts: tuple[float, float]
    part_luts: int
    latency_cutoff: float
    cycles: int
    clock_period_ns: tuple[float, float]
    latency_ns: tuple[float, float]
    interval_ns: tuple[float, float]
    source: str


class Seen(Result):
    """Inputs of a design: constituents, and what it sees of each."""

    constituents: int
    features: list[str]


class Paired(Result):
    """The float and the quantised network jet by jet.

    Fields:
        float_only, quantised_only: jets that one of them alone recognises.
        p_value: exact McNemar test, in which each jet counts one.
    """

    float_only: int
    quantised_only: int
    p_value: float


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
        paired: the same without weights.
        bit_operations: effective ones of a jet (arXiv 2405.00645).
        auc: of each class, of floating and quantised.
        test_jets: their number.
        seen, published, network, simulated, latency, budget, design, estimates: see there.
    """

    accuracy: dict[str, Estimate]
    accuracy_loss_from_quantisation: Estimate
    paired: Paired
    seen: Seen
    bit_operations: int
    auc: dict[str, dict[str, Estimate]]
    test_jets: int
    published: Published
    network: NetworkSize
    simulated: Simulated
    latency: Latency
    budget: Budget
    design: DesignCost
    estimates: Estimates


class ScanPoint(Result):
    """A design as one point of the scan: trained, converted, and its logic run on the test jets.

    Fields:
        design, constituents, sparsity: what it is; sparsity as asked for.
        beta: loss for a bit operation; above 0 its weights have learned their widths.
        zeros: part of the weights that are zero.
        accuracy: balanced, of da4ml's logic.
        loss: accuracy of the float network that it started from less this one, jet by jet.
        estimated_luts: da4ml's cost model.
        bit_operations: effective ones of a jet.
        calibrated: its pipeline; see `RTLDesign`.
    """

    design: str
    constituents: int
    sparsity: float
    beta: float
    zeros: float
    accuracy: Estimate
    loss: Estimate
    estimated_luts: float
    bit_operations: int
    calibrated: Pipeline


class TaughtPair(Result):
    """One pair of trainings from one seed, without a teacher and with one.

    Fields:
        plain, distilled: balanced accuracies.
        gain: distilled less plain, jet by jet.
        plain_only, distilled_only: jets that one of them alone recognises.
        p_value: exact McNemar test.
    """

    plain: float
    distilled: float
    gain: Estimate
    plain_only: int
    distilled_only: int
    p_value: float


class Distillation(Result):
    """A design taught by a tagger, ``firmware/distilled/<design>/distillation.json``.

    Fields:
        design, teacher: their names.
        test_jets: of the firmware room.
        unseen: of them those that the teacher was only tested on.
        teacher_accuracy: balanced, on `unseen`; null where these lack a class.
        pairs: of all test jets, one a seed.
        gain: mean over the seeds; its error has the test jets' and the seeds'.
        gain_unseen: the same on `unseen`; likewise null.
        verilog_accuracy: balanced, of the first distilled design, simulated.
        latency_cycles, initiation_interval_cycles: of the same, measured.
        estimates: what the chip would need.
    """

    design: str
    teacher: str
    test_jets: int
    unseen: int
    teacher_accuracy: Estimate | None
    pairs: list[TaughtPair]
    gain: Estimate
    gain_unseen: Estimate | None
    verilog_accuracy: Estimate
    latency_cycles: int
    initiation_interval_cycles: int
    estimates: Estimates


class TreesDesign(Result):
    """Boosted trees as conifer's VHDL.

    Fields:
        inputs, seen_inputs: numbers at the port, and those that a tree looks at.
        outputs, trees, depth: sums, trees in all, and the largest number of cuts before a leaf.
        bits: of every number.
        comparisons, distinct_comparisons: nodes with a cut, and those without the repeated ones.
        leaves, padded_leaves: of the trees, and of the firmware, where each tree has 2^depth.
        stated_latency_cycles: clocks by conifer's formula.
        estimated_luts, estimated_registers: conifer's experimental fit, which knows no bits.
    """

    inputs: int
    seen_inputs: int
    outputs: int
    trees: int
    depth: int
    bits: int
    comparisons: int
    distinct_comparisons: int
    leaves: int
    padded_leaves: int
    stated_latency_cycles: int
    estimated_luts: int
    estimated_registers: int


class VHDLSimulation(Comparison):
    """The simulation of the VHDL by ghdl; its latency and initiation interval in clocks."""

    latency_cycles: int
    initiation_interval_cycles: int


class TreesSimulation(Result):
    """Boosted trees in firmware beside those in numpy; `vhdl` is null where ghdl was not asked."""

    test_jets: int
    cpp: Comparison
    vhdl: VHDLSimulation | None


class TreesReport(Result):
    """Boosted trees from scikit-learn to the VHDL, ``firmware/trees/report.json``.

    Fields:
        accuracy: balanced, of floating and fixed, on the same replicas.
        accuracy_loss: floating less fixed, jet by jet.
        paired: the same without weights.
        auc: of each class, in fixed point.
        seen, design, simulated: see there.
        clock_period_ns: asked for, not proven.
    """

    accuracy: dict[str, Estimate]
    accuracy_loss: Estimate
    paired: Paired
    auc: dict[str, Estimate]
    seen: Seen
    design: TreesDesign
    simulated: TreesSimulation
    clock_period_ns: float
