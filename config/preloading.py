"""Load the code of the parts once, and run each part in a process that is forked from this one.

Forked processes share their memory as long as none of them writes to it. Most of Windhover's memory is code, which
all parts load; so together they take less than half as much, and start sooner.
"""

import atexit
import gc
import os
import runpy
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import NoReturn

# Elsewhere system libraries may not survive a fork: macOS stops such processes.
FORKS = sys.platform == "linux"


# What the parts import only when they need it.
MODULES = (
    "celery.apps.beat",
    "celery.apps.worker",
    "celery.concurrency.prefork",
    "celery.worker.consumer",
    "config.refusals",
    "kombu.transport.redis",
    "waitress",
)


@cache
def preload() -> None:
    """Load what web, worker and beat need, but nothing that depends on the database or on static files.

    In a process that was forked afterwards there is nothing left to do.
    """
    import django
    from django.conf import settings
    from django.template import engines
    from django.urls import get_resolver
    from django.utils.module_loading import import_string

    from config import celery_app
    from core import youtube_api

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup(set_prefix=False)
    celery_app.loader.import_default_modules()
    for module in MODULES:
        import_module(module)
    for name in (settings.CELERY_BEAT_SCHEDULER.replace(":", "."), *settings.MIDDLEWARE):
        import_string(name)
    # Each of these makes objects when it is used for the first time.
    _ = celery_app.amqp, celery_app.control, celery_app.events, engines.all(), get_resolver().url_patterns
    youtube_api.prepare(settings.YOUTUBE_API_URL)
    share()


def share() -> None:
    """Keep Python's garbage collector off all present objects: it writes to those it looks at, which copies them."""
    gc.collect()
    gc.freeze()
    # It waits with a full collection until a quarter as many objects are new as it found at the last one.
    gc.collect()


def run_forked(argv: Sequence[str]) -> int:
    """Run the command `python -m MODULE ...` to its end in a process forked from this one; return its exit code."""
    if process := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    become(argv, os.environ.copy())


def become(argv: Sequence[str], environment: Mapping[str, str]) -> NoReturn:
    """Run the command `python -m MODULE ...` in this process, which has just been forked, as if it was executed."""
    code = 1
    try:
        _forget_parent()
        os.environ.clear()
        os.environ.update(environment)
        _, _, module, *arguments = argv
        with suppress(OSError):
            # The command line, which `ps` shows, is the parent's; this name is in its column `comm`.
            Path("/proc/self/comm").write_text(module.removeprefix("config."))
        sys.argv = [module, *arguments]
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as end:
        code = _exit_code(end)
    except KeyboardInterrupt:
        code = 128 + signal.SIGINT
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
    finally:
        # Not by returning through what the parent was doing. What Python does when it exits:
        with suppress(Exception):
            threading._shutdown()  # type: ignore[attr-defined]
            atexit._run_exitfuncs()
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _forget_parent() -> None:
    """Undo what executing a program would: handlers of signals, and descriptors that are not to be inherited."""
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError):  # that of the folder itself is closed by now
            if not os.get_inheritable(int(name)):
                os.close(int(name))
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # of the parent it may be a file


def _exit_code(end: SystemExit) -> int:
    if end.code is None or isinstance(end.code, int):
        return end.code or 0
    sys.stderr.write(f"{end.code}\n")
    return 1
