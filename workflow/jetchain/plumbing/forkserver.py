"""Jobs forked from one process that has loaded their modules already.

Loading libraries takes a second or two of every job, more than the work of most. The Snakemake of a
run on one machine starts a server that loads the modules of all verbs of the plan once, with the
environment that jobs have. ``python -m jetchain`` then asks it for a fork that does the job, with
its own arguments, environment, folder and streams, waits for it and takes over its exit code. A job
that finds no server (in a batch system, called by hand, or before it is ready) runs by itself, to
the same bytes. When one of the three ends, killed or not, the job ends too: it watches the
connection, and Snakemake as every job does. ``JETCHAIN_FORKSERVER=off`` switches the server off.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

from jetchain.plumbing.ended import BY_SIGNAL

SOCKET = "JETCHAIN_FORKSERVER"
OFF = "off"
LEAST_JOBS = 20
"""With fewer jobs, to load the modules of all of them may take longer than it saves."""
_STREAMS = (0, 1, 2)
_LENGTH = 8  # bytes that say how long a message is
_LOOK = 0.5  # seconds between looks at whether Snakemake is still there


def start(verbs: Sequence[str], shell_prefix: str) -> None:
    """Start the server of this process's jobs, unless they are few; it ends with this process.

    Args:
        verbs: of the jobs that will run, one for each.
        shell_prefix: of their shell commands, see `environment.shell_prefix`.
    """
    import subprocess
    import tempfile

    if len(verbs) < LEAST_JOBS or os.environ.get(SOCKET) == OFF:
        return
    if sys.platform != "linux":
        return  # the system libraries of macOS do not stand a fork
    # A folder of its own, as only a short path can name a socket.
    path = Path(tempfile.mkdtemp(prefix="jetchain-"), "jobs")
    command = f'{shell_prefix} exec python -m {__name__} "$@"'
    subprocess.Popen(
        ["bash", "-c", command, "bash", str(path), *sorted(set(verbs))],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.environ[SOCKET] = str(path)


def run_there(arguments: list[str]) -> int | None:
    """Let the server run a job.

    Returns:
        the job's exit code; None if there is no server.
    """
    path = os.environ.get(SOCKET, OFF)
    if path == OFF or "TORCHELASTIC_RUN_ID" in os.environ:
        return None
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(path)
    except OSError:
        return None
    message = json.dumps([arguments, dict(os.environ), os.getcwd()]).encode()
    sys.stdout.flush()
    sys.stderr.flush()
    socket.send_fds(connection, [len(message).to_bytes(_LENGTH, "big")], list(_STREAMS))
    connection.sendall(message)
    code = connection.recv(1)
    return code[0] if code else BY_SIGNAL + signal.SIGKILL


def serve(path: Path, verbs: Iterable[str]) -> list[str] | None:
    """Load the modules of verbs, then fork for each job that is asked for.

    Returns:
        the arguments of a job, in the process that is forked for it; None in the server itself,
        when its Snakemake is gone.
    """
    for verb in verbs:
        with contextlib.suppress(Exception):  # its job says what is wrong
            load_verb(verb)
    if "jetchain.core.training" in sys.modules:
        importlib.import_module("torch._dynamo")  # the first step of any optimiser loads it
    if "numba" in sys.modules:  # its first call loads what awkward and vector add to it
        importlib.import_module("numba.core.entrypoints").init_all()
    gc.collect()
    gc.freeze()  # what is here is shared with the forks: to look through it would copy it
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the keepers
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(128)
        listener.settimeout(_LOOK)
        while not orphaned():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            with connection:
                if not os.fork():
                    listener.close()
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    return _keep(connection.dup())
    return None


def _keep(connection: socket.socket) -> list[str]:
    """Fork once more, for the job; wait for it and send its exit code."""
    length, streams, _, _ = socket.recv_fds(connection, _LENGTH, len(_STREAMS))
    with connection.makefile("rb") as received:
        message = received.read(int.from_bytes(length, "big"))
    if not (job := os.fork()):
        return _become(connection, streams, message)
    for stream in streams:
        os.close(stream)
    _, status = os.waitpid(job, 0)
    code = os.waitstatus_to_exitcode(status)
    with contextlib.suppress(OSError):  # nobody waits for it any more
        connection.sendall(bytes([code if code >= 0 else BY_SIGNAL - code]))
    os._exit(0)


def _become(connection: socket.socket, streams: list[int], message: bytes) -> list[str]:
    """Give this process the streams, environment and folder of a job."""
    for own, stream in zip(_STREAMS, streams, strict=True):
        os.dup2(stream, own)
        os.close(stream)
    arguments, variables, folder = json.loads(message)
    os.environ.clear()
    os.environ.update(variables)
    os.chdir(folder)

    def watch() -> None:
        connection.recv(1)  # nothing is sent: it returns when the other side is gone
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="caller-watch").start()
    return list(arguments)


def _leave(server: int, code: list[int]) -> None:
    """End a job's process as it is: to take apart what it shares with the server copies all of it.

    That takes half a second, more than many jobs need for their work.
    """
    if os.getpid() != server:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code[0])


def _main() -> None:
    import shutil

    path = Path(sys.argv[1])
    server, code = os.getpid(), [1]
    atexit.register(_leave, server, code)  # the first that is registered is the last that is called
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches jobs through those who asked
    environment.isolate()
    try:
        arguments = serve(path, sys.argv[2:])
    finally:
        if os.getpid() == server:
            shutil.rmtree(path.parent, ignore_errors=True)
    if arguments is not None:
        try:
            work(arguments)
        except SystemExit as end:
            if end.code is None or isinstance(end.code, int):
                code[0] = end.code or 0
            raise


if __name__ == "__main__":
    from jetchain.__main__ import work
    from jetchain.core.io.atomic import orphaned
    from jetchain.plumbing import environment
    from jetchain.plumbing.launcher import load_verb

    _main()
