"""bin/setup: finds a Python, makes .venv, installs what changed, and names what is missing."""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.running import BASE_DIR

# Without packages, these tests need no network.
NOTHING = "# no packages\n"
INSTALLING = "windhover: installing requirements.txt\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project that was never set up."""
    return new_project(tmp_path)


@pytest.fixture(scope="module")
def set_up_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project to copy after its first set-up, which takes seconds."""
    project = new_project(tmp_path_factory.mktemp("setup"))
    assert set_up(project).stdout == INSTALLING
    return project


@pytest.fixture
def ready(set_up_once: Path, tmp_path: Path) -> Path:
    """A project that is set up."""
    return shutil.copytree(set_up_once, tmp_path / set_up_once.name, symlinks=True)


def new_project(parent: Path) -> Path:
    folder = parent / "a path with spaces"
    shutil.copytree(BASE_DIR / "bin", folder / "bin")
    (folder / "requirements.txt").write_text(NOTHING)
    return folder


def set_up(project: Path, python: str = sys.executable) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [project / "bin" / "setup", "requirements.txt"],
        cwd="/",
        env={"PATH": os.environ["PATH"], "PYTHON": python},
        capture_output=True,
        text=True,
    )


def fake_python(folder: Path, script: str) -> str:
    file = folder / "fake-python"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return str(file)


def test_it_installs_only_what_changed(ready: Path) -> None:
    assert set_up(ready).stdout == ""

    (ready / "requirements.txt").write_text(NOTHING * 2)
    assert set_up(ready).stdout == INSTALLING
    assert set_up(ready).stdout == ""


def test_a_failed_install_is_repeated(ready: Path) -> None:
    (ready / "requirements.txt").write_text("a-package-without-a-hash==1.0\n")
    assert set_up(ready).returncode != 0

    # The same file as before, but the failed attempt may have installed some packages.
    (ready / "requirements.txt").write_text(NOTHING)
    assert "installing" in set_up(ready).stdout


def test_two_at_once_do_not_disturb_each_other(ready: Path) -> None:
    (ready / "requirements.txt").write_text(NOTHING * 2)
    python = ready / ".venv" / "bin" / "python"
    real = python.rename(python.with_name("real-python"))
    # Each install waits until both have begun.
    python.write_text(
        "#!/bin/sh\n"
        f"cd '{ready}' && case \"$3\" in install) touch began.$$\n"
        "until [ -e began.$$ ] && [ $(ls began.* | wc -l) = 2 ]; do sleep 0.05; done ;; esac\n"
        f"exec '{real}' \"$@\"\n"
    )
    python.chmod(0o755)

    with ThreadPoolExecutor() as threads:
        runs = list(threads.map(set_up, [ready, ready]))
    assert [(run.returncode, run.stderr) for run in runs] == [(0, "")] * 2
    assert sorted(file.name for file in (ready / ".venv").glob("*ed*")) == ["installed-requirements.txt"]


def test_an_incomplete_environment_is_made_again(project: Path) -> None:
    (project / ".venv" / "bin").mkdir(parents=True)
    (project / ".venv" / "bin" / "python").symlink_to(sys.executable)

    assert set_up(project).returncode == 0
    assert (project / ".venv" / "pyvenv.cfg").exists()


def test_a_missing_or_old_python_is_named(project: Path) -> None:
    for python in ("/nowhere/python3", fake_python(project, "exit 1")):
        done = set_up(project, python)
        assert done.returncode == 1
        assert done.stderr == f"windhover: PYTHON is {python}, which is not Python 3.11 or newer.\n"


def test_a_python_without_venv_is_named(project: Path) -> None:
    python = fake_python(project, 'case "$2" in *ensurepip*) exit 1 ;; esac')

    done = set_up(project, python)

    assert done.returncode == 1
    assert "apt-get install python3-venv" in done.stderr
    assert not (project / ".venv").exists()
