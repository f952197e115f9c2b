"""Measures one row in this process, for run.py: prints {"contender": [[seconds of each turn], version]} as JSON.

    measure.py ROW THREADS ROUNDS TOOLS [CONTENDER,…]

The libraries read their number of threads from the environment or the CPUs that the process
may use when they are loaded, so each row and number of threads has a process of its own.
"""

import json
import os
import pathlib
import sys
import tempfile


class Setting:
    def __init__(self, threads, tools, folder, only):
        self.threads, self.tools, self.folder, self.only = threads, tools, folder, only

    def wants(self, contender):
        return not self.only or contender in self.only


def main():
    row, threads, rounds, tools = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), pathlib.Path(sys.argv[4])
    only = sys.argv[5].split(",") if len(sys.argv) > 5 else []
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    os.environ.update(OMP_NUM_THREADS=str(threads), MKL_NUM_THREADS=str(threads), JAX_PLATFORMS="cpu",
                      TRANSFORMERS_VERBOSITY="error")
    output = os.dup(1)  # libraries write to standard output as they like
    os.dup2(2, 1)

    from rows import ROWS
    from timing import measure
    if not only or {"torch", "torch.compile", "transformers"} & set(only):
        import torch
        torch.set_num_threads(threads)
    with tempfile.TemporaryDirectory() as folder:
        contenders = list(ROWS[row](Setting(threads, tools, pathlib.Path(folder), only)))
        times = measure(contenders, rounds)
    versions = {contender.name: contender.version for contender in contenders}
    os.write(output, json.dumps({name: [turns, versions[name]] for name, turns in times.items()}).encode())


if __name__ == "__main__":
    main()
