"""The COCOA geometry, built once."""

from pathlib import Path

import pytest

from jetchain.detector.geometry.description import build_geometry, read_geometry

COCOA = Path(__file__).parents[2] / "resources" / "geometry" / "cocoa.yaml"


@pytest.fixture(scope="session")
def geometry():
    return build_geometry(read_geometry(COCOA))
