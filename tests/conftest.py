"""Tests run with the environment that jobs run with."""

from jetchain.__main__ import prepare_environment

prepare_environment()
