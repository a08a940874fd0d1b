# What a run does before its first job and after its last, and what may be asked of it by name.
import sys
import threading


def begin_run(given):
    """Before the first job: refuse a run that would undo the last one silently, or that the machine
    has no memory or disk for; remember its configuration, and what its jobs should take.
    """
    try:
        PLANNER.require_room()
        last.begin(CONFIG, given.overwrite_config, given.configfiles)
    except JetchainError as error:
        raise WorkflowError(str(error)) from None
    PLANNER.expect()
    forkserver.start(PLANNER.verbs(), environment.shell_prefix())


def record_run():
    """Write the manifest of what is here, at the end of a run, however it ended."""
    from jetchain.plumbing.provenance.manifest import write_manifest

    # What would wake Snakemake up again (profiles/default) has nothing left to do.
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.cancel()
    try:
        write_manifest()
    except OSError as error:
        print(
            f"The manifest of this run could not be written: {error}", file=sys.stderr
        )


def known_targets():
    """What can be asked for by name."""
    names = {
        "algorithm": ALGORITHMS,
        "model": family("tagging.models"),
        "part": [*PARTS, NOT_TUNED, *TRANSFER_PARTS],
        "method": [
            *METHODS,
            *BACKGROUND_METHODS,
            *CONFIG.inference.workspaces,
            *CONFIG.inference.applications.operators,
            *CONFIG.inference.grids,
        ],
        "design": DESIGNS,
        "scan": CONFIG.anomaly.scans,
        "window": CONFIG.anomaly.windows,
        "systematic": [*SYSTEMATICS, *GRID],
        "mean": MEANS,
        "mitigation": MITIGATIONS,
        "variant": [
            *(f"choice/{name}" for name in ALGORITHMS),
            *(f"pileup/{mean}/{how}" for mean in MEANS for how in MITIGATIONS),
        ],
    }
    names_of_samples = [*CONFIG.generate.samples, *CONFIG.graphs.samples]
    samples = {name: rules_of.shard_names(name) for name in names_of_samples}
    listed = [path for room in TARGETS.values() for path in room]
    return targets.Targets(workflow, samples, names, listed)


def what_is_here(wildcards):
    """The targets of `all`, and figures aside, that are made: what a report can be made of."""
    listed = [*ASIDE, *(path for room in TARGETS.values() for path in room)]
    return targets.that_are_made(listed)
