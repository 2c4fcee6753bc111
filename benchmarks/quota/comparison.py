"""Run the strategies on the same days, each in its own process and database."""

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks import own_django
from benchmarks.quota.figures import Figures
from benchmarks.quota.setting import Setting

STRATEGIES: Final = ("burst", "even", "single", "optimum", "windhover")
# They take as long as the others together, so start them first.
LONGEST: Final = ("windhover", "single")


def run(setting: Setting) -> dict[str, Figures]:
    """Return the figures of each strategy."""
    # Django can be set up once per process, and connections must not be inherited.
    with ProcessPoolExecutor(
        max_workers=min(len(STRATEGIES), os.cpu_count() or 1),
        mp_context=multiprocessing.get_context("spawn"),
        max_tasks_per_child=1,
    ) as processes:
        running = {
            name: processes.submit(run_one, name, setting)
            for name in sorted(STRATEGIES, key=lambda name: name not in LONGEST)
        }
        return {name: running[name].result() for name in STRATEGIES}


def run_one(name: str, setting: Setting) -> Figures:
    """Run one strategy in this process, which cannot be used for another one afterwards."""
    with TemporaryDirectory(prefix="windhover-bench-") as folder:
        keys = ",".join(f"{project}={key}" for project, key in setting.projects.items())
        own_django.set_up(Path(folder), YT_KEYS=keys, SHARE_SEARCHES="auto" if name == "windhover" else "off")
        # Models can be imported only after the set-up.
        from benchmarks.quota import strategies
        from benchmarks.quota.day import begin

        with begin(setting) as days:
            getattr(strategies, name)(days)
            return days.measure()
