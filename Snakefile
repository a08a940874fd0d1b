# jetchain: from collisions to limits and trigger firmware. This page is the table of contents.
import atexit
import gc
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

from jetchain.configuration import load
from jetchain.core import runs
from jetchain.core.errors import JetchainError
from jetchain.core.planning import speed_up

min_version("9.27.1")

# A plan of 10,000 shards is millions of objects that live to the end. Searching them for cycles
# again and again is a third of the time to plan, and once more at the exit another fifth; what the
# jobs leave behind is searched (onstart, below).
gc.disable()
atexit.register(gc.freeze)
speed_up()

HOUSE = Path(workflow.basedir)


configfile: str(HOUSE / "config/config.yaml")


# Refused here, before any job is planned: a misspelt key, a value out of range, an unknown name,
# results of which nobody knows how they were made.
try:
    CONFIG = load(config)
    runs.begin(main_process=workflow.is_main_process)
except JetchainError as error:
    raise WorkflowError(str(error)) from None


include: "workflow/rules/common.smk"
include: "workflow/rules/generate.smk"
include: "workflow/rules/detector.smk"
include: "workflow/rules/particleflow.smk"
include: "workflow/rules/jets.smk"
include: "workflow/rules/graphs.smk"
include: "workflow/rules/tagging.smk"
include: "workflow/rules/anomaly.smk"
include: "workflow/rules/background.smk"
include: "workflow/rules/inference.smk"
include: "workflow/rules/firmware.smk"
include: "workflow/rules/reporting.smk"


rule all:
    default_target: True
    input:
        [target for room in TARGETS.values() for target in room],
    localrule: True


rule finished:
    input:
        what_is_here,
    localrule: True


# What is compared from run to run; no figure is drawn, whose numbers are JSON in results/reporting.
rule tables:
    input:
        [
            target
            for room, targets in TARGETS.items()
            for target in targets
            if room != "reporting" or target.endswith(".csv")
        ],
    localrule: True


rule bench:
    input:
        BENCHES,
    localrule: True


onstart:
    gc.freeze()
    gc.enable()


onerror:
    record_run()


onsuccess:
    record_run()
