# Where `snakemake` is called in this folder; the workflow stands in workflow/, where modules look for it.
include: "workflow/Snakefile"
