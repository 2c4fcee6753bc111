"""Parts are forked from one process that has loaded their code; each finds what it would if it was executed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from config.preloading import FORKS
from tests.running import BASE_DIR, clean_environment

pytestmark = pytest.mark.skipif(not FORKS, reason="parts are executed here")

PRELOADED = """
import gc, json, sys, threading
from config.preloading import preload
preload()
from django.contrib.staticfiles.storage import staticfiles_storage
from django.db import connection
from django.utils.functional import empty
print(json.dumps({
    "modules": list(sys.modules),
    "threads": threading.active_count(),
    "connected": connection.connection is not None,
    "static files are known": staticfiles_storage._wrapped is not empty,
    "frozen": gc.get_freeze_count() > 100_000,
}))
"""

PARENT = """
import signal, sys
from config.preloading import run_forked
for number in (signal.SIGTERM, signal.SIGCHLD):
    signal.signal(number, lambda *_: None)
secret = open(sys.argv[1])
print(run_forked(["python", "-m", "child", sys.argv[2]]), flush=True)
"""

CHILD = """
import atexit, json, os, signal, sys
atexit.register(print, "at the end")
print(json.dumps({
    "name": __name__,
    "arguments": sys.argv[1:],
    "handlers": [signal.getsignal(number) == signal.SIG_DFL for number in (signal.SIGTERM, signal.SIGCHLD)],
    "interrupt": signal.getsignal(signal.SIGINT) is signal.default_int_handler,
    "files": [n for n in os.listdir("/proc/self/fd") if os.path.realpath(f"/proc/self/fd/{n}").endswith("secret")],
    "process": open("/proc/self/comm").read().strip(),
}))
sys.exit(int(sys.argv[1]) if sys.argv[1].isdigit() else sys.argv[1])
"""


def run(folder: Path, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = clean_environment(folder, {"PYTHONPATH": os.pathsep.join([str(BASE_DIR), str(folder)])})
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=120)


def test_it_loads_what_parts_need_and_touches_nothing(tmp_path: Path) -> None:
    found = json.loads(run(tmp_path, PRELOADED).stdout)

    assert {"apps.videos.views", "apps.videos.scheduling.scheduler", "googleapiclient.discovery"} <= {*found["modules"]}
    # Hundreds of services, of which most installations use none; and what only Celery's command line needs.
    assert not {"apprise", "prompt_toolkit", "click_repl", "apps.videos.migrations"} & {*found.pop("modules")}
    assert found == {"threads": 1, "connected": False, "static files are known": False, "frozen": True}


@pytest.mark.parametrize(("argument", "code", "said"), [("3", 3, ""), ("0", 0, ""), ("not today", 1, "not today\n")])
def test_a_forked_program_is_as_if_executed(tmp_path: Path, argument: str, code: int, said: str) -> None:
    (tmp_path / "child.py").write_text(CHILD)
    (tmp_path / "secret").write_text("")

    finished = run(tmp_path, PARENT, str(tmp_path / "secret"), argument)

    found, *rest = finished.stdout.splitlines()
    assert json.loads(found) == {
        "name": "__main__",
        "arguments": [argument],
        "handlers": [True, True],
        "interrupt": True,
        "files": [],
        "process": "child",
    }
    assert rest == ["at the end", str(code)]
    assert finished.stderr == said
