# A network of particle flow in another detector: as it is, fine-tuned, and trained anew, on parts of
# the events. Of `pflow_transfer`, not of `all`. The files lie as those of the first detector.
TRANSFER = CONFIG.particleflow.transfer
TRANSFER_PARTS = ["8", "4", "2", "1"]  # one of so many training events
NOT_TUNED = "0"  # the network as it is
TRANSFER_GRAPHS = "results/graphs/events/transfer/{sample}/{shard}.safetensors"
TRANSFERRED = "results/particleflow/transfer/{algorithm}/{start}/{part}"
TRANSFER_POINTS = [f"tuned/{part}" for part in [NOT_TUNED, *TRANSFER_PARTS]] + [
    f"new/{part}" for part in TRANSFER_PARTS
]


use rule simulate_detector as simulate_transfer with:
    output:
        output="results/detector/transfer/{sample}/{shard}.root",
        account="results/detector/transfer/{sample}/{shard}.json",
    log:
        "results/logs/detector/transfer/{sample}/{shard}.log",
    wildcard_constraints:
        sample=names_of(None, "hepmc3", "lhe", "delphes"),
    params:
        **job(
            "detector.simulate",
            geometry=resource_name(f"geometry/{TRANSFER.geometry}.yaml"),
            settings="detector.simulation",
            # That of simulate_detector: the same particles shower in other cells.
            seed=["detector.simulate", "{sample}", "{shard}"],
        ),


use rule event_graphs as transfer_graphs with:
    input:
        detected="results/detector/transfer/{sample}/{shard}.root",
    output:
        graphs=TRANSFER_GRAPHS,
        cutflow="results/graphs/events/transfer/{sample}/{shard}.json",
    log:
        "results/logs/graphs/events/transfer/{sample}/{shard}.log",


rule transfer_particleflow:
    input:
        graphs=transfer_graphs_of,
        initial=first_weights,
    output:
        weights=f"{TRANSFERRED}/weights.safetensors",
        training=f"{TRANSFERRED}/training.json",
    log:
        "results/logs/particleflow/transfer/{algorithm}/{start}/{part}/train.log",
    wildcard_constraints:
        algorithm=one_of(NETWORKS),
        start="tuned|new",
        part=one_of([NOT_TUNED, *TRANSFER_PARTS]),
    threads: training_threads
    params:
        **job(
            "particleflow.transfer",
            settings={
                "model": "particleflow.{algorithm}.model",
                "training": "particleflow.{algorithm}.training",
                "epochs": "particleflow.transfer.epochs",
                "learning_rate": "particleflow.transfer.learning_rate",
            },
            # That of train_particleflow: the same events are trained on.
            seed=["particleflow.train"],
            members=["particleflow.algorithms.{algorithm}"],
        ),
    shell:
        LAUNCH


use rule trained_particleflow as trained_transfer with:
    input:
        graphs=TRANSFER_GRAPHS,
        weights=f"{TRANSFERRED}/weights.safetensors",
    output:
        particles=f"{TRANSFERRED}/{{sample}}/{{shard}}.root",
    log:
        "results/logs/particleflow/transfer/{algorithm}/{start}/{part}/{sample}/{shard}.log",


TRANSFER_EVALUATED = dict(
    particles=shards(
        f"{TRANSFERRED}/{{sample}}/{{shard}}.root",
        CONFIG.particleflow.evaluation.samples,
    ),
    detected=shards(
        "results/detector/transfer/{sample}/{shard}.root",
        CONFIG.particleflow.evaluation.samples,
    ),
)


use rule evaluate_particleflow as evaluate_transfer with:
    input:
        **TRANSFER_EVALUATED,
    output:
        performance=f"{TRANSFERRED}/performance.json",
        histograms=f"{TRANSFERRED}/histograms.json",
    log:
        "results/logs/particleflow/transfer/{algorithm}/{start}/{part}/evaluate.log",


use rule evaluate_particleflow_jets as evaluate_transfer_jets with:
    input:
        **TRANSFER_EVALUATED,
    output:
        performance=f"{TRANSFERRED}/jets.json",
    log:
        "results/logs/particleflow/transfer/{algorithm}/{start}/{part}/evaluate_jets.log",


rule compare_transfer:
    input:
        trainings=expand(
            "results/particleflow/transfer/{algorithm}/{point}/training.json",
            point=TRANSFER_POINTS,
            allow_missing=True,
        ),
        performances=expand(
            "results/particleflow/transfer/{algorithm}/{point}/performance.json",
            point=TRANSFER_POINTS,
            allow_missing=True,
        ),
        jets=expand(
            "results/particleflow/transfer/{algorithm}/{point}/jets.json",
            point=TRANSFER_POINTS,
            allow_missing=True,
        ),
        home="results/particleflow/performance/{algorithm}.json",
        home_jets="results/particleflow/performance/{algorithm}_jets.json",
    output:
        curve="results/particleflow/transfer/{algorithm}/curve.json",
    log:
        "results/logs/particleflow/transfer/{algorithm}/compare.log",
    wildcard_constraints:
        algorithm=one_of(NETWORKS),
    params:
        **job(
            "particleflow.transfer.compare",
            geometry=TRANSFER.geometry,
            home_geometry=CONFIG.detector.geometry,
        ),
    shell:
        LAUNCH
