# Helpers of the rules, nothing else. What each does stands in workflow/jetchain/core/rules.py.
from jetchain.core.rules import Rules, launch

rules_of = Rules(CONFIG.model_dump(mode="json"))
section = rules_of.section
job_seed = rules_of.job_seed
code_digest = rules_of.code_digest
shards = rules_of.shards

# What each room contributes to `all`; every rule file adds its own.
TARGETS = {"reporting": []}


wildcard_constraints:
    sample="[A-Za-z0-9_]+",
    shard="[0-9]{4}",
    algorithm="parametric|mlpf",
    model="[a-z0-9_]+",
    method="[a-z0-9_]+",
