"""``python -m jetchain <room>.<verb> --settings JSON --seed N --<input> FILE ...``: one job."""

import faulthandler
import signal
import sys
from typing import NoReturn

from jetchain.plumbing import forkserver
from jetchain.plumbing.ended import stop_at_once


def work(arguments: list[str]) -> NoReturn:
    """Do the job in this process."""
    from jetchain.plumbing import environment
    from jetchain.plumbing.launcher import main

    signal.signal(signal.SIGINT, stop_at_once)
    faulthandler.enable()  # a crash of a library shows in the log where it was
    environment.isolate()
    sys.exit(main(arguments))


if __name__ == "__main__":
    signal.signal(signal.SIGINT, stop_at_once)
    code = forkserver.run_there(sys.argv[1:])
    if code is None:
        work(sys.argv[1:])
    sys.exit(code)
