"""The clock of bin/bench faults: programs follow it while they run, and still measure right how much time passes."""

import os
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.faults.clock import Clock, compiler
from tests.needs import missing

PROGRAM = """
import sys, time
for line in sys.stdin:
    time.sleep(0.01)
    print(time.time(), time.monotonic(), flush=True)
"""


def test_programs_follow_it_while_they_run(tmp_path: Path) -> None:
    if not compiler():
        missing("a C compiler")
    clock = Clock(tmp_path)
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        env=os.environ | clock.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def ahead() -> tuple[float, float]:
        assert program.stdin
        assert program.stdout
        program.stdin.write("\n")
        program.stdin.flush()
        theirs, monotonic = map(float, program.stdout.readline().split())
        return round(theirs - time.time()), round(monotonic - time.monotonic())

    try:
        assert ahead() == (0, 0)
        clock.set(86_400)
        assert ahead() == (86_400, 0)
        clock.set(-10_800)
        assert ahead() == (-10_800, 0)
    finally:
        program.kill()
        program.communicate()
