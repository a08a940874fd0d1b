"""``python -m jetchain <room>.<verb> --settings JSON --seed N --<input> FILE ...``: one job."""

import signal
import sys

from jetchain.plumbing import environment
from jetchain.plumbing.launcher import main, stop_at_once

if __name__ == "__main__":
    signal.signal(signal.SIGINT, stop_at_once)
    environment.isolate()
    sys.exit(main(sys.argv[1:]))
