"""The plan of the house holds: no sideways imports, documents in step with the settings."""

import ast
from pathlib import Path

import pytest
import yaml

from jetchain.core.errors import ConfigurationError
from jetchain.plumbing import configuration, documentation

HOUSE = Path(__file__).resolve().parents[2]
PACKAGE = HOUSE / "workflow" / "jetchain"
ROOMS = sorted(path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists())


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.add(node.module or "")
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name for name in found if name.startswith("jetchain.")}


@pytest.mark.parametrize("room", [each for each in ROOMS if each != "plumbing"])
def test_a_room_imports_core_and_itself_only(room):
    # The regression compares whole runs, and asks their manifests how they were made.
    allowed = {"core", room} | ({"plumbing"} if room == "regression" else set())
    for path in (PACKAGE / room).rglob("*.py"):
        rooms = {name.split(".")[1] for name in imports(path)}
        assert rooms <= allowed, f"{path.relative_to(HOUSE)} imports {rooms}"


def test_every_room_has_its_rules_and_tests():
    # These look after whole runs and have no rules of their own.
    for room in set(ROOMS) - {"core", "plumbing", "regression"}:
        assert (HOUSE / "workflow" / "rules" / f"{room}.smk").exists(), room
        assert list((HOUSE / "tests" / room).glob("test_*.py")), room


def test_rules_use_the_launcher_only():
    for path in (HOUSE / "workflow" / "rules").rglob("*.smk"):
        for line in path.read_text(encoding="utf-8").splitlines():
            assert line.strip() not in {"run:", "script:"}, path
            assert "lambda" not in line, path


@pytest.mark.parametrize("path", documentation.documents(), ids=str)
def test_generated_documents_are_in_step_with_the_settings(path):
    assert (HOUSE / path).read_text(encoding="utf-8") == documentation.documents()[path], (
        "run `make docs`"
    )


def test_the_default_configuration_is_the_settings_own():
    values = yaml.safe_load((HOUSE / "config/config.yaml").read_text(encoding="utf-8"))
    assert configuration.load(values) == configuration.Configuration()


def merged(overlay: dict) -> dict:
    def merge(base: dict, over: dict) -> dict:
        return base | {
            name: merge(base[name], value)
            if isinstance(value, dict) and isinstance(base.get(name), dict)
            else value
            for name, value in over.items()
        }

    values = yaml.safe_load((HOUSE / "config/config.yaml").read_text(encoding="utf-8"))
    return merge(values, overlay)


@pytest.mark.parametrize("name", ["test", "full"])
def test_overlays_are_valid_and_change_something(name):
    overlay = yaml.safe_load((HOUSE / f"config/{name}.yaml").read_text(encoding="utf-8"))
    assert configuration.load(merged(overlay)) != configuration.Configuration()


@pytest.mark.parametrize(
    ("overlay", "message"),
    [
        ({"generat": {}}, r"generat: unknown key\. Did you mean 'generate'\?"),
        ({"jets": {"clusterng": {}}}, r"jets\.clusterng: .*'clustering'"),
        ({"seed": -1}, r"seed: .*greater than or equal to 0.*\(got -1\)"),
        ({"generate": None}, r"generate: "),
        ({"graphs": {"display": {"sample": "tops"}}}, r"graphs\.display\.sample: .*'top'"),
        ({"jets": {"summary": {"samples": ["Wb"]}}}, r"jets\.summary\.samples: no sample 'Wb'"),
        ({"graphs": {"jets": {"radius": 0.6}}}, r"graphs\.jets\.radius: 0\.6 is not one of"),
        ({"jets": {"clustering": {"radii": [0.84, 1.0]}}}, r"multiples of 0\.1"),
        (
            {"detector": {"validation": {"gun": "pion_gun"}}},
            r"detector\.validation\.gun: 'pion_gun' must be a gun of one particle an event",
        ),
        ({"detector": {"validation": {"pi0": "pi0_gum"}}}, r"no sample 'pi0_gum'.*'pi0_gun'"),
        ({"detector": {"geometry": "coca"}}, r"detector\.geometry: .*'cocoa'"),
        (
            {
                "generate": {
                    "samples": {"mine": {"source": {"format": "hepmc3", "files": [__file__]}}}
                },
                "detector": {"bench": {"sample": "mine"}},
            },
            r"detector\.bench\.sample: 'mine' comes from files",
        ),
    ],
)
def test_a_wrong_configuration_is_refused_with_the_path_of_the_key(overlay, message):
    with pytest.raises(ConfigurationError, match=message):
        configuration.load(merged(overlay))
