"""Tests run with the environment that jobs run with."""

from pathlib import Path

import jetchain
from jetchain.plumbing.launcher import prepare_environment

prepare_environment()


def pytest_report_header():
    return f"jetchain: {Path(jetchain.__file__).parent}"


def pytest_addoption(parser):
    parser.addoption(
        "--tiny-run", type=lambda text: Path(text).resolve(), metavar="FOLDER", default=None,
        help="keep the tiny run of the workflow tests here, and go on from it the next time",
    )  # fmt: skip
