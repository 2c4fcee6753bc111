"""Run all parts under supervisor, in the foreground, until Ctrl-C or TERM."""

import signal
from collections import defaultdict
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

from supervisor import events, loggers, supervisord
from supervisor.options import ServerOptions

from config.preloading import FORKS, become
from config.terminal import show

CONFIGURATION = Path(__file__).with_name("supervisord.conf")


def supervise() -> None:
    """Start every part in supervisord.conf and return when the last one has stopped."""
    options = ForegroundOptions()
    options.realize(["-c", str(CONFIGURATION)])
    options.first, options.test = True, False
    supervisord.go(options)


class ForegroundOptions(ServerOptions):  # type: ignore[misc]  # supervisor has no types
    """supervisord's options, but the parts' output is also shown on the terminal, and a full disk stops nothing."""

    logger: loggers.Logger

    def make_logger(self) -> None:
        super().make_logger()
        self.logger = Log(self.logger.level, self.logger.handlers)

    def getLogger(self, level: int | None = None) -> "Log":
        return Log(level)

    def setsignals(self) -> None:
        super().setsignals()
        # Closing the terminal stops everything; supervisord would restart it.
        signal.signal(signal.SIGHUP, self._stop_on_hangup)
        # No earlier: supervisord clears all subscriptions when it starts.
        events.subscribe(events.ProcessLogEvent, Terminal().show_output)
        events.subscribe(events.ProcessStateEvent, show_state)
        events.subscribe(events.SupervisorStoppingEvent, show_stopping)

    def execve(self, filename: str, argv: list[str], env: dict[str, str]) -> None:
        if FORKS and argv[:2] == ["python", "-m"]:
            become(argv, env)
        super().execve(filename, argv, env)

    def _stop_on_hangup(self, _number: int, frame: FrameType | None) -> None:
        self.signal_receiver.receive(signal.SIGTERM, frame)


class Log(loggers.Logger):  # type: ignore[misc]
    """A log file that may be on a full disk: what cannot be written is dropped.

    Else supervisord would exit, or no longer read the output of a part, which would wait for that forever.
    """

    def log(self, level: int, msg: str | bytes, **kw: Any) -> None:
        try:
            super().log(level, msg, **kw)
        except (OSError, ValueError):  # standard error may be on the same disk
            for handler in self.handlers:
                if handler.stream.closed:  # it was to begin a new file
                    with suppress(OSError):
                        handler.stream = open(handler.baseFilename, "ab")  # noqa: SIM115  # the next lines need it


class Terminal:
    """Show the output of the parts in whole lines, each after the name of its part."""

    def __init__(self) -> None:
        self.unfinished: dict[str, bytes] = defaultdict(bytes)

    def show_output(self, event: Any) -> None:
        name = event.process.config.name
        *lines, self.unfinished[name] = (self.unfinished[name] + event.data).split(b"\n")
        for line in lines:
            show(name, line.decode(errors="replace"))


STATES: dict[type, str] = {
    events.ProcessStateRunningEvent: "running",
    events.ProcessStateBackoffEvent: "exited too early; retrying",
    events.ProcessStateExitedEvent: "exited unexpectedly; restarting",
    events.ProcessStateStoppedEvent: "stopped",
}


def show_state(event: Any) -> None:
    if state := STATES.get(type(event)):
        show("windhover", f"{event.process.config.name} {state}")


def show_stopping(_event: Any) -> None:
    show("windhover", "stopping; running fetches finish first")
