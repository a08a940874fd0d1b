"""Snakemake's logger plugin `jetchain`: the progress of a run, by room.

Snakemake finds it by the package's name; profiles/default/config.yaml switches it on.
"""

from snakemake_logger_plugin_jetchain.handler import LogHandler

__all__ = ["LogHandler"]
