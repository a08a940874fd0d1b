"""Wrong physics, one line at a time: the room's own tests on fixed inputs must notice each.

Beside `test_mutations.py`: what hangs on trainings and on few test events (scores, significance
improvement, yields, limits) moves so much from seed to seed that no comparison of tiny runs can
guard it. Its guards are tests with a known answer. Every test changes one constant or formula in a
copy of the repository and runs there the guard of that line; `make test-mutations` prints which
test failed, and how.
"""

import re

import pytest

from helpers.mutants import PACKAGE, copy_house, mutate, read_once, run_tests
from helpers.room_mutations import MUTATIONS
from helpers.snakemake import HOUSE

GUARDS = sorted({guard for *_, guard in MUTATIONS.values()})
ROOMS = sorted({guard.split("/")[0] for guard in GUARDS})
# What a test says that compared and found a difference, rather than broke on the way.
COMPARED = ("assert ", "AssertionError", "Failed: DID NOT RAISE")


def test_each_line_stands_there_once():
    for file, right, _, guard in MUTATIONS.values():
        read_once(HOUSE, f"{PACKAGE}/{file}", right)
        path, name = guard.split("::")
        assert f"def {name.split('[')[0]}(" in (HOUSE / "tests" / path).read_text(encoding="utf-8")


@pytest.mark.mutations
@pytest.mark.parametrize("room", ROOMS)
def test_its_guards_pass_where_nothing_is_wrong(room, tmp_path):
    """Else the others would prove nothing."""
    guards = [f"tests/{guard}" for guard in GUARDS if guard.startswith(f"{room}/")]
    done = run_tests(copy_house(tmp_path / "house", "tests"), *guards)
    assert done.returncode == 0, done.stdout[-4000:]


@pytest.mark.mutations
@pytest.mark.parametrize("name", MUTATIONS)
def test_a_test_of_the_room_fails(name, tmp_path):
    file, right, wrong, guard = MUTATIONS[name]
    house = copy_house(tmp_path / "house", "tests")
    mutate(house, f"{PACKAGE}/{file}", right, wrong)
    done = run_tests(house, f"tests/{guard}")
    assert done.returncode != 0, f"nobody noticed: {name}"
    failed = re.findall(r"^FAILED (tests/.+?)(?: - .*)?$", done.stdout, re.MULTILINE)
    said = re.findall(r"^E +(\S.*)$", done.stdout, re.MULTILINE)
    assert len(failed) == 1, done.stdout[-4000:]
    assert said[0].startswith(COMPARED), done.stdout[-4000:]
    print(f"{name}: {failed[0]}", *said[:3], sep="\n  ")
