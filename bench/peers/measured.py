"""Run a command, and write its exit code, time, CPU time and peak memory to a file: `measured.py FILE COMMAND...`.

Linux counts the memory of the parent as part of the peak memory of a child, so this process imports little.
"""

import os
import sys
import time

file, *command = sys.argv[1:]
start = time.perf_counter()
_, status, usage = os.wait4(os.posix_spawnp(command[0], command, os.environ), 0)
seconds = time.perf_counter() - start
kibibytes = usage.ru_maxrss // (1024 if sys.platform == "darwin" else 1)
with open(file, "w") as output:  # noqa: PTH123 - pathlib takes memory
    output.write(f"{os.waitstatus_to_exitcode(status)} {seconds} {usage.ru_utime + usage.ru_stime} {kibibytes}")
