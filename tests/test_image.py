"""What Dockerfile copies is enough for every command of docker-compose.yml: the demo's stack finds videos."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
import yaml

from config.run import broker_program
from tests.running import BASE_DIR, free_ports, wait_for

DOCKERFILE = (BASE_DIR / "Dockerfile").read_text()
COMPOSE = (BASE_DIR / "docker-compose.yml").read_text()
PARTS = ("simulator", "web", "worker", "beat")


class Stack:
    """The services of docker-compose.yml as processes, in a copy of the image's folder.

    Addresses and paths of containers are replaced by those of this machine; the packages are those of the tests.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.image, self.data = folder / "windhover", folder / "data"
        self.data.mkdir()
        port = free_ports()
        self.url = f"http://127.0.0.1:{port}"
        replaced = {
            "redis://redis:6379/0": f"redis+socket://{self.broker}",
            "http://simulator:8001": f"http://127.0.0.1:{port + 1}",
            "0.0.0.0": "127.0.0.1",  # noqa: S104  # replaced, not used
            "/data": str(self.data),
            "8000": str(port),
            "8001": str(port + 1),
        }
        text = re.sub(r"\$\{\w+:-(.*?)\}", r"\1", COMPOSE)
        text = re.sub("|".join(map(re.escape, replaced)), lambda match: replaced[match[0]], text)
        self.services: dict[str, dict[str, Any]] = yaml.safe_load(text)["services"]

    @property
    def broker(self) -> Path:
        return self.folder / "broker.sock"

    def copy(self) -> None:
        """Do the COPY steps of the image, without what .dockerignore leaves out."""
        final = DOCKERFILE.rpartition("\nFROM ")[2]
        hidden = re.findall(r"^\*\*/(\S+)$", (BASE_DIR / ".dockerignore").read_text(), re.MULTILINE)
        for copied in re.findall(r"^COPY (?!--from)(.+)$", final, re.MULTILINE):
            *sources, target = copied.split()
            for source in map(BASE_DIR.joinpath, sources):
                if source.is_dir():
                    shutil.copytree(source, self.image / target, ignore=shutil.ignore_patterns(*hidden))
                else:
                    (self.image / target).mkdir(parents=True, exist_ok=True)
                    shutil.copy(source, self.image / target)

    def environment(self, service: str) -> dict[str, str]:
        # As env_file does, so the tests' own settings do not apply.
        lines = re.findall(r"^(\w+)=(.*)$", (BASE_DIR / "example.env").read_text(), re.MULTILINE)
        given = {name: str(value) for name, value in self.services[service].get("environment", {}).items()}
        path = os.pathsep.join([str(Path(sys.executable).parent), str(broker_program().parent), os.environ["PATH"]])
        return dict(lines) | given | {"PATH": path, "WINDHOVER_ENV_FILE": os.devnull}

    def run(self, service: str, command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            shlex.split(command),
            cwd=self.image,
            env=self.environment(service),
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    @contextmanager
    def running(self, service: str, extra: str = "") -> Iterator[None]:
        """Run a service until SIGTERM, which must end it well within its grace period."""
        command = shlex.split(self.services[service]["command"] + extra)
        with self.output(service).open("wb") as output:
            process = subprocess.Popen(
                command, cwd=self.image, env=self.environment(service), stdout=output, stderr=subprocess.STDOUT
            )
        try:
            yield
            process.terminate()
            assert process.wait(30) == 0, self.output(service).read_text()
        finally:
            process.kill()
            process.wait()

    def output(self, service: str) -> Path:
        return self.folder / f"{service}.txt"

    def is_healthy(self, service: str) -> bool:
        return self.run(service, self.services[service]["healthcheck"]["test"]).returncode == 0


@pytest.mark.system
@pytest.mark.timeout(300)
def test_the_demo_finds_videos(tmp_path: Path) -> None:
    stack = Stack(tmp_path)
    stack.copy()
    assert not any(map(stack.is_healthy, ("simulator", "web"))), "before they run"
    with ExitStack() as running:
        running.enter_context(stack.running("redis", f" --port 0 --unixsocket {stack.broker}"))
        wait_for(stack.broker.exists, stack.output("redis").read_text)
        prepared = stack.run("migrate", stack.services["migrate"]["command"])
        assert prepared.returncode == 0, prepared.stderr
        for name in PARTS:
            running.enter_context(stack.running(name))
        for name in PARTS:
            wait_for(lambda name=name: stack.is_healthy(name), stack.output(name).read_text)
        watched = stack.run("web", "python manage.py watch kestrel")
        assert watched.returncode == 0, watched.stderr

        def videos() -> list[Any]:
            with urlopen(f"{stack.url}/api/videos/", timeout=10) as response:
                return list(json.load(response)["results"])

        wait_for(videos, lambda: "\n".join(stack.output(name).read_text() for name in PARTS))
