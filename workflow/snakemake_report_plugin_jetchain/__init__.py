"""Snakemake's report plugin `jetchain`: one page, from the collisions to limits and firmware.

Snakemake finds it by the package's name: ``--reporter jetchain --report-jetchain-path FILE``
(`make report`).
"""

from snakemake_report_plugin_jetchain.reporter import Reporter, ReportSettings

__all__ = ["ReportSettings", "Reporter"]
