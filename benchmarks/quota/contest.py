"""Let the contestants live through the same day, each in a process and with a database of its own."""

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks import own_django
from benchmarks.quota.figures import Figures
from benchmarks.quota.setting import Setting

CONTESTANTS: Final = ("burst", "even", "windhover", "optimum")
# It takes as long as the others together, so it is not left to the end.
LONGEST: Final = "windhover"


def hold(setting: Setting) -> dict[str, Figures]:
    """Return the figures of each contestant."""
    # A process can set Django up once, and must not inherit a connection.
    with ProcessPoolExecutor(
        max_workers=min(len(CONTESTANTS), os.cpu_count() or 1),
        mp_context=multiprocessing.get_context("spawn"),
        max_tasks_per_child=1,
    ) as processes:
        running = {
            name: processes.submit(live_through, name, setting)
            for name in sorted(CONTESTANTS, key=lambda name: name != LONGEST)
        }
        return {name: running[name].result() for name in CONTESTANTS}


def live_through(name: str, setting: Setting) -> Figures:
    """Let one contestant live through the day, in this process, which is good for nothing else afterwards."""
    with TemporaryDirectory(prefix="windhover-bench-") as folder:
        keys = ",".join(f"{project}={key}" for project, key in setting.projects.items())
        own_django.set_up(Path(folder), YT_KEYS=keys)
        # Models can be imported only now.
        from benchmarks.quota import contestants
        from benchmarks.quota.day import begin

        with begin(setting) as day:
            getattr(contestants, name)(day)
            return day.measure()
