"""Tests run with what jobs have set for libraries."""

import zlib
from pathlib import Path

import jetchain
from jetchain.plumbing import environment

environment.prepare()

SLOW = {"faults", "mutations", "shared"}
"""Marks of the tests that CI shares out over commits."""


def pytest_report_header():
    return f"jetchain: {Path(jetchain.__file__).parent}"


def pytest_addoption(parser):
    parser.addoption(
        "--tiny-run", type=lambda text: Path(text).resolve(), metavar="FOLDER", default=None,
        help="keep the tiny run of the workflow tests here, and go on from it the next time",
    )  # fmt: skip
    parser.addoption(
        "--share", metavar="K/N", default="1/1",
        help="of the tests that CI shares out run the K-th of N parts, K counted around",
    )  # fmt: skip


def pytest_collection_modifyitems(config, items):
    """Leave out the slow tests of other shares; a test's share hangs on its name alone."""
    place, number = map(int, config.getoption("--share").split("/"))
    slow = [item for item in items if SLOW & {m.name for m in item.iter_markers()}]
    others = {item for item in slow if zlib.crc32(item.nodeid.encode()) % number != place % number}
    if others:
        config.hook.pytest_deselected(items=sorted(others, key=items.index))
        items[:] = [item for item in items if item not in others]
