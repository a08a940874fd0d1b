"""The plan of the house holds: no sideways imports, documents in step with the settings."""

import ast
import re
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


def numbers(node: ast.AST) -> set[int]:
    """The whole numbers that stand in a piece of code."""
    return {
        each.value
        for each in ast.walk(node)
        if isinstance(each, ast.Constant) and type(each.value) is int
    }


def names_neutrinos(path: Path) -> bool:
    """Whether a module holds a short list of neutrinos' PDG codes or compares codes with one."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        here = numbers(node)
        if isinstance(node, ast.Tuple | ast.List | ast.Set) and {12, 14} <= here < set(range(20)):
            return True
        compared = isinstance(node, ast.Compare) and re.search("code|pdg|pid", ast.unparse(node))
        if compared and here & {12, 14, 16}:
            return True
    return False


def test_what_is_visible_is_decided_where_events_are_made():
    """Other rooms read seen_as of GENERATED; products of decays in flight are the detector's."""
    found = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if names_neutrinos(path)
    }
    assert found == {"detector/flight/decays.py"}


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


@pytest.mark.parametrize("name", ["quick", "test", "full"])
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
        ({"graphs": {"jets": {"radius": 0.65}}}, r"graphs\.jets\.radius: 0\.65 must be a multiple"),
        ({"jets": {"clustering": {"radii": [0.84, 1.0]}}}, r"a multiple of 0\.1"),
        (
            {"detector": {"validation": {"gun": "pion_gun"}}},
            r"detector\.validation\.gun: 'pion_gun' must be a gun of one particle an event",
        ),
        (
            {"particleflow": {"gun": "pion_gun"}},
            r"particleflow\.gun: 'pion_gun' must be a gun of one particle an event",
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


SOURCES = sorted((HOUSE / "workflow").rglob("*.py"))
MODULES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
SMALL = 30
"""Lines of code; what is shorter is tested with what uses it."""


def lines_of_code(path: Path) -> int:
    """The lines of a module without those of comments and docstrings, and without empty ones."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    lines: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt | ast.expr):
            last = node.lineno if hasattr(node, "body") else node.end_lineno
            lines |= set(range(node.lineno, (last or node.lineno) + 1))
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            lines -= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return len(lines)


def names_imported(path: Path) -> set[str]:
    """The modules that a file imports by their names, whole or in part."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found


def test_every_module_has_a_test_that_names_it():
    tested: set[str] = set()
    for path in (HOUSE / "tests").rglob("test_*.py"):
        tested |= names_imported(path)
    missing = {
        name for name in MODULES if name not in tested and lines_of_code(MODULES[name]) > SMALL
    }
    assert missing == set()


def test_files_and_functions_are_short():
    long = [
        f"{path.relative_to(HOUSE)}: more than 450 lines"
        for path in [*SOURCES, *(HOUSE / "tests").rglob("*.py")]
        if len(path.read_text(encoding="utf-8").splitlines()) > 450
    ]
    for path in SOURCES:
        text, place = path.read_text(encoding="utf-8"), path.relative_to(HOUSE)
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                if len(node.args.posonlyargs) + len(node.args.args) > 12:
                    long.append(f"{place}, {node.name}: more than 12 positional arguments")
                if (node.end_lineno or 0) - node.lineno >= 100:
                    long.append(f"{place}, {node.name}: more than 100 lines")
    assert long == []


# A remainder by a full turn, a full turn added or taken off, and what is left to one.
TURN = r"(2(\.0)?\s*\*\s*\w+\.pi|TWO_PI|\bTURN\b)"
WRAPPED = re.compile(
    rf"%\s*\(?{TURN}|\b(mod|fmod|remainder|round)\(.*{TURN}|[-+]=\s*{TURN}|\b{TURN}\s*-\s*(?!theta)\w"
)
WRAPPING = {
    "jetchain/core/kinematics.py": "the one place",
    "jetchain/core/compiled.py": "the same for compiled functions",
    "jetchain/detector/flight/helix.py": "the angle that is turned on a circle, from 0 to 2 pi",
    "jetchain/graphs/edges.py": "azimuths from 0 to 2 pi, and their distance the short way around",
}


def test_azimuths_are_wrapped_in_one_place():
    found = {
        str(path.relative_to(HOUSE / "workflow"))
        for path in SOURCES
        if WRAPPED.search(path.read_text(encoding="utf-8"))
    }
    assert found == set(WRAPPING)
