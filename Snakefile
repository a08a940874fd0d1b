# Where `snakemake` is called in this folder; the workflow stands in workflow/, where modules look for it.
include: "workflow/Snakefile"


# Where no target is named; what an included file says of that does not count.
workflow.default_target = "all"
