"""``python -m jetchain <room>.<verb> --settings JSON --seed N --<input> FILE ...``: one job."""

import faulthandler
import signal
import sys

from jetchain.plumbing import environment
from jetchain.plumbing.launcher import main, stop_at_once

if __name__ == "__main__":
    faulthandler.enable()  # a crash of a library shows in the log where it was
    signal.signal(signal.SIGINT, stop_at_once)
    environment.isolate()
    sys.exit(main(sys.argv[1:]))
