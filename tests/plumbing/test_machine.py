"""What a container grants is read from its control groups."""

from jetchain.plumbing import machine


def groups(folder, lines, files):
    folder.mkdir()
    membership = folder / "cgroup"
    membership.write_text(lines)
    for name, text in files.items():
        path = folder / "sys" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return list(machine._granted(membership, folder / "sys"))


def test_the_limits_of_both_kinds_of_control_groups_count(tmp_path):
    second = {"memory.max": "4000000000\n"}
    assert groups(tmp_path / "a", "0::/\n", second) == [4_000_000_000]
    first = {"memory/job/memory.limit_in_bytes": "2000000000\n", "cpu/job/cpu.shares": "2"}
    lines = "4:memory:/job\n2:cpu:/job\n0::/job\n"
    assert groups(tmp_path / "b", lines, first) == [2_000_000_000]


def test_no_limit_is_none(tmp_path):
    assert groups(tmp_path / "a", "0::/job\n", {"job/memory.max": "max\n"}) == []
    assert list(machine._granted(tmp_path / "none", tmp_path)) == []


def test_there_is_memory_and_disk(tmp_path):
    assert machine.memory_mb() > 100
    assert machine.disk_mb(tmp_path) > 0
