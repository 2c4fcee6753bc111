"""The command line."""

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

from simulator.faults import KINDS

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def running(*options, **environment):
    process = subprocess.Popen(
        [sys.executable, "-m", "simulator", "--now", "2026-11-22T12:00:00Z", *options],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process, process.stdout.readline().split()[4]
    finally:
        process.kill()
        process.communicate()


def ask(url, q, key):
    with urlopen(f"{url}/youtube/v3/search?part=snippet&type=video&q={q}&key={key}", timeout=5) as response:
        return json.load(response)["items"]


def test_it_works():
    with running("--seed", "3", "--key", "demo=k=e=y", SIMULATOR_KEYS="other=secret") as (process, url):
        assert ask(url, "python", "k%3De%3Dy")
        assert ask(url, "python", "secret")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=5) == 0


def test_it_explains_every_kind_of_fault():
    command = [sys.executable, "-m", "simulator", "--help"]
    help_text = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=10).stdout
    for source, kinds in KINDS.items():
        part = help_text.partition(f"faults of {source}:")[2].partition("faults of")[0]
        assert {line.split()[0]: line.split(maxsplit=1)[1] for line in part.splitlines() if line} == {
            name: kind.about for name, kind in kinds.items()
        }


def test_it_reports_a_port_in_use():
    with running() as (_, url):
        port = url.rpartition(":")[2]
        command = [sys.executable, "-m", "simulator", "--port", port]
        second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=10)
    assert second.returncode == 2
    assert second.stderr.splitlines() == [f"The simulator cannot listen on 127.0.0.1:{port}: Address already in use."]


def test_it_finds_videos_again_after_a_restart(tmp_path):
    state = tmp_path / "state"
    with running("--remember", str(state)) as (_, url):
        video_id = ask(url, "kestrel", "demo-key")[0]["id"]["videoId"]
    with (
        running("--remember", str(state)) as (_, url),
        urlopen(f"{url}/youtube/v3/videos?part=id&id={video_id}&key=demo-key", timeout=5) as response,
    ):
        assert json.load(response)["items"][0]["id"] == video_id
