# jetchain: from collisions to limits and trigger firmware. This page is the table of contents.
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

from jetchain.plumbing.configuration import load
from jetchain.plumbing import environment, overlays, runs, targets
from jetchain.plumbing.provenance import last
from jetchain.plumbing.scheduling import Planner
from jetchain.core.errors import JetchainError

min_version("9.27.1")

HOUSE = Path(workflow.basedir)


configfile: str(HOUSE / "config/config.yaml")


# Refused here, before any job is planned: a misspelt key, a value out of range, an unknown name,
# results of which nobody knows how they were made.
try:
    environment.require_plain_folders()
    overlays.require_no_result(workflow.overwrite_configfiles)
    overlays.require_keys_once(workflow.configfiles)
    CONFIG = load(config)
    runs.begin(main_process=workflow.is_main_process)
except JetchainError as error:
    raise WorkflowError(str(error)) from None

shell.prefix(environment.shell_prefix())


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
        [path for room in TARGETS.values() for path in room],
    localrule: True


rule quick:
    input:
        expand("results/reporting/{name}.{kind}", name=FIRST_FIGURES, kind=Figure.kinds),
        "results/reporting/summary.txt",
    localrule: True


rule finished:
    input:
        what_is_here,
    localrule: True


# What is compared from run to run; no figure is drawn, whose numbers are JSON in results/reporting.
rule tables:
    input:
        [
            path
            for room, paths in TARGETS.items()
            for path in paths
            if room != "reporting" or path.endswith(".csv")
        ],
    localrule: True


rule bench:
    input:
        BENCHES,
    localrule: True


# A room by its name: what it makes, and its figures.
for room in TARGETS:

    rule:
        name:
            room
        input:
            TARGETS[room],
            [path for path in TARGETS["reporting"] if path.split("/")[2] == room],
        localrule: True


rules_of.record(workflow.rules)
targets.KNOWN = known_targets()

# Memory, run time and disk of every job, from resources/costs.csv.
PLANNER = Planner(workflow, CONFIG.model_dump(mode="json"))
PLANNER.state()
if workflow.is_main_process:
    PLANNER.limit_memory()


onstart:
    begin_run(workflow.config_settings)


onerror:
    record_run()


onsuccess:
    record_run()
