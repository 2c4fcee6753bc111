"""Dockerfile and docker-compose.yml name what exists, and publish ports on this machine only."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from config import settings
from config.orphans import GRACE_SECONDS
from tests.running import BASE_DIR, clean_environment

SUPERVISED = (BASE_DIR / "config" / "supervisord.conf").read_text()
DOCKERFILE = (BASE_DIR / "Dockerfile").read_text()
COMPOSE = yaml.safe_load((BASE_DIR / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OWN = {name: service for name, service in SERVICES.items() if "build" in service}


def test_the_services_are_there() -> None:
    assert set(SERVICES) == {"redis", "migrate", "web", "worker", "beat", "simulator", "postgres"}
    assert set(OWN) == {"migrate", "web", "worker", "beat", "simulator"}


def test_compose_and_bin_run_use_the_same_commands() -> None:
    for name in ("web", "worker", "beat"):
        section = SUPERVISED.split(f"[program:{name}]")[1].split("\n\n")[0]
        command = re.search(r"^command=(.*(?:\n .*)*)", section, re.MULTILINE)
        assert command
        assert shlex.split(command[1]) == shlex.split(OWN[name]["command"])


def test_only_this_machine_reaches_the_published_ports() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]

    assert ports == ["127.0.0.1:${PORT:-8000}:8000", "127.0.0.1:8001:8001"]


def test_a_running_fetch_may_finish() -> None:
    assert int(OWN["worker"]["stop_grace_period"].removesuffix("s")) > settings.CELERY_TASK_TIME_LIMIT
    stop_waits = [int(seconds) for seconds in re.findall(r"^stopwaitsecs=(\d+)", SUPERVISED, re.MULTILINE)]
    assert settings.CELERY_TASK_TIME_LIMIT < max(stop_waits) < GRACE_SECONDS


def test_dependencies_and_volumes_exist() -> None:
    for service in SERVICES.values():
        assert set(service.get("depends_on", {})) <= set(SERVICES)
        assert {volume.partition(":")[0] for volume in service.get("volumes", [])} <= set(COMPOSE["volumes"])


def test_the_image_copies_files_that_exist_and_are_not_ignored() -> None:
    ignore = (BASE_DIR / ".dockerignore").read_text().splitlines()
    copies = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    sources = " ".join(copies).split()

    # config/settings.py reads the version from pyproject.toml.
    assert {"config", "core", "apps", "simulator", "manage.py", "pyproject.toml"} <= set(sources)
    for source in sources:
        assert (BASE_DIR / source).exists()
        assert f"!{source}" in ignore


def test_each_service_has_a_health_check_of_its_own() -> None:
    """Without one it would have the image's, which asks the web server."""
    assert all("healthcheck" in service for service in SERVICES.values())
    image = re.search(r"^HEALTHCHECK .*CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    assert image
    assert json.loads(image[1]) == shlex.split(OWN["web"]["healthcheck"]["test"])


def test_own_services_change_only_their_volume() -> None:
    for service in OWN.values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]


def test_the_image_does_not_run_as_root() -> None:
    user = re.findall(r"^USER (\S+)", DOCKERFILE, re.MULTILINE)[-1]

    assert int(user) > 0


@pytest.mark.parametrize(
    ("public_url", "says"),
    [("https://windhover.example.org", "no issues"), ("https://example.org:8443/windhover", "security.W004")],
)
def test_what_django_checks_of_a_deployment(tmp_path: Path, public_url: str, says: str) -> None:
    """Behind HTTPS with a host name of its own nothing is left; beside other servers HSTS is the operator's choice."""
    environment = clean_environment(tmp_path, {"YT_KEYS": "a-key", "PUBLIC_URL": public_url})
    command = [sys.executable, "manage.py", "check", "--deploy"]
    checked = subprocess.run(command, cwd=BASE_DIR, env=environment, capture_output=True, text=True, check=True)
    issues = set(re.findall(r"security\.W\d+", checked.stderr))
    assert says in checked.stdout + checked.stderr
    assert issues == ({says} if says.startswith("security") else set())
