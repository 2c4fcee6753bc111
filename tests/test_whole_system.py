"""The whole system with real processes: a keyword is added, beat sends, a worker fetches, videos are served."""

import os
import re
import signal
import sqlite3
from base64 import b64decode
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import redis
import requests

from simulator import Project, Simulator, World
from tests.running import PARTS, Windhover, running_windhover, wait_for

pytestmark = [pytest.mark.system, pytest.mark.timeout(400)]

KEYS = {
    "spent": "AIzaSy-the-first-key-of-three",
    "broken": "AIzaSy-the-second-key-of-three",
    "good": "third-key-0123456789",
}


def get(windhover: Windhover, address: str, **parameters: Any) -> Any:
    answer = requests.get(f"{windhover.url}{address}", params=parameters, timeout=30)
    answer.raise_for_status()
    return answer.json()


def post(windhover: Windhover, address: str, body: dict[str, Any] | None = None) -> Any:
    answer = requests.post(f"{windhover.url}{address}", json=body or {}, timeout=30)
    answer.raise_for_status()
    return answer.json()


def logs(windhover: Windhover, **wanted: Any) -> list[dict[str, Any]]:
    return [log for log in get(windhover, "/api/logs/", page_size=100)["results"] if wanted.items() <= log.items()]


def wait_for_log(windhover: Windhover, **wanted: Any) -> dict[str, Any]:
    found: list[dict[str, Any]] = []

    def there() -> bool:
        found[:] = logs(windhover, **wanted)
        return bool(found)

    wait_for(there, lambda: f"no log with {wanted}:\n{logs(windhover)}\n{windhover.output[-5000:]}")
    return found[0]


@pytest.fixture
def other_server() -> Iterator[Simulator]:
    """A YouTube with one project without searches, one with an invalid key, and one that works."""
    projects = [Project(name, [key]) for name, key in KEYS.items()]
    with Simulator(World(seed=3, rate=30, index_delay=0), projects=projects) as simulator:
        simulator.projects["spent"].limits["search"] = 0
        simulator.projects["broken"].keys[0].state = "invalid"
        yield simulator


@pytest.fixture
def windhover(other_server: Simulator, tmp_path: Path) -> Iterator[Windhover]:
    sources = {
        "YT_KEYS": ",".join(f"{name}={key}" for name, key in KEYS.items()),
        "YOUTUBE_API_URL": other_server.youtube_url,
        "INVIDIOUS_URL": other_server.invidious_url.removeprefix("http://"),
    }
    with running_windhover(tmp_path, **sources) as running:
        yield running


@contextmanager
def broker_traffic(windhover: Windhover) -> Iterator[list[str]]:
    """Record all commands sent to the broker inside the block, with decoded messages."""
    heard: list[str] = []

    def listen() -> None:
        with suppress(redis.ConnectionError, ValueError, OSError):
            for command in monitor.listen():
                heard.append(command["command"])
                heard.extend(
                    b64decode(body).decode() for body in re.findall(r"body\W+([A-Za-z0-9+/=]{20,})", command["command"])
                )

    wait_for(lambda: (windhover.state_dir / "broker.sock").exists(), lambda: windhover.output)
    with redis.Redis(unix_socket_path=str(windhover.state_dir / "broker.sock")).monitor() as monitor:
        Thread(target=listen, daemon=True).start()
        yield heard


def test_three_keys_then_invidious_and_no_secret_anywhere(windhover: Windhover, other_server: Simulator) -> None:
    assert "videos from YouTube, 3 keys in 3 projects and Invidious at http://127.0.0.1:" in windhover.output
    wait_for(lambda: set(windhover.pids()) == PARTS - {"simulator"}, lambda: windhover.output)
    with broker_traffic(windhover) as heard:
        entry = use_up_three_keys(windhover, other_server)
        said = [("the broker's traffic", "\n".join(heard).encode()), *all_output(windhover, entry)]
    assert f"[[{entry}]," in said[0][1].decode(), "the messages were read"
    assert secrets_found_in(said) == []


def use_up_three_keys(windhover: Windhover, other_server: Simulator) -> int:
    """Fetch until only Invidious is left, checking each step; return the keyword's id."""

    def asked(name: str) -> int:
        return other_server.projects[name].keys[0].requests

    entry = post(windhover, "/api/keywords/", {"keyword": "python"})
    first = wait_for_log(windhover, keyword=entry["id"], status="done")
    assert (first["method"], first["searches"], first["number_added"]) == ("youtube", 3, 50)

    # The first two are left alone afterwards. (The units of the first pay for whole descriptions: another bucket.)
    searched, refused = other_server.stats.requests("/youtube/v3/search"), asked("broken")
    second = wait_for_log(windhover, id=post(windhover, f"/api/keywords/{entry['id']}/fetch/")["id"], status="done")
    assert second["searches"] == 1
    assert other_server.stats.requests("/youtube/v3/search") == searched + 1
    assert asked("broken") == refused == 1

    exact = {v["video_id"]: v["published_at"] for v in get(windhover, "/api/videos/", page_size=100)["results"]}
    other_server.projects["good"].limits["search"] = 0
    third = wait_for_log(windhover, id=post(windhover, f"/api/keywords/{entry['id']}/fetch/")["id"], status="done")
    assert third["method"] == "invidious"
    now = {v["video_id"]: v["published_at"] for v in get(windhover, "/api/videos/", page_size=100)["results"]}
    assert {video_id: now.get(video_id, date) for video_id, date in exact.items()} == exact
    keys = {
        key["label"]: key["state"] for project in get(windhover, "/api/quota/")["projects"] for key in project["keys"]
    }
    # A used-up key is not refused: it is left alone until the reset, or cools down if the reset was minutes ago.
    assert {label for label, state in keys.items() if state == "refused"} == {"broken"}
    return int(entry["id"])


def all_output(windhover: Windhover, keyword_id: int) -> Iterator[tuple[str, bytes]]:
    """Return all that Windhover wrote, keeps and shows, with its place."""
    yield "the terminal", windhover.output.encode()
    for file in windhover.state_dir.rglob("*"):
        if file.is_file():
            yield str(file), file.read_bytes()
    for address in (
        "/",
        f"/keywords/{keyword_id}/",
        f"/keywords/{keyword_id}/log/",
        "/api/keywords/",
        "/api/videos/?page_size=100",
        "/api/logs/?page_size=100",
        "/api/quota/",
        "/api/schema/",
        "/admin/login/",
        "/nothing",
    ):
        yield address, requests.get(f"{windhover.url}{address}", timeout=30).content
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield str(command), command.read_bytes()
        except OSError:
            continue


def secrets_found_in(said: list[tuple[str, bytes]]) -> list[str]:
    assert len(said) > 30
    return [place for place, content in said for key in KEYS.values() if key.encode() in content]


def test_a_fetch_of_a_killed_worker_is_retried(windhover: Windhover, other_server: Simulator) -> None:
    other_server.faults.add("youtube", "hang", times=None)
    entry = post(windhover, "/api/keywords/", {"keyword": "python"})
    started = wait_for_log(windhover, keyword=entry["id"], status="running")
    wait_for(lambda: other_server.stats.requests("/youtube/v3/search") > 0, lambda: windhover.output)

    kill_worker(windhover)
    other_server.faults.clear()

    done = wait_for_log(windhover, keyword=entry["id"], status="done")
    assert done["number_added"] == 50
    assert get(windhover, f"/api/logs/{started['id']}/")["status"] == "interrupted"
    assert get(windhover, "/api/keyword/python/videos/")["count"] == 50


def test_a_pause_outlasts_a_restart(other_server: Simulator, tmp_path: Path) -> None:
    # By our own count, since a refusal within minutes after the reset is not taken for a whole day's.
    sources = {"YT_KEYS": KEYS["good"], "YT_SEARCHES_PER_DAY": "1", "YOUTUBE_API_URL": other_server.youtube_url}
    with running_windhover(tmp_path, **sources) as windhover:
        assert "videos from YouTube, 1 key in 1 project" in windhover.output
        first = post(windhover, "/api/keywords/", {"keyword": "python"})
        wait_for_log(windhover, keyword=first["id"], status="done")
        entry = post(windhover, "/api/keywords/", {"keyword": "raspberry pi"})
        waits = wait_for_log(windhover, keyword=entry["id"], status="waiting")
        assert "Daily search limit reached" in waits["message"]
        asked = other_server.stats.requests("/youtube/v3/search")

    with running_windhover(tmp_path, **sources) as windhover:
        page = requests.get(windhover.url, timeout=30).text
        assert "YouTube searches resume at" in page
        in_database(windhover, "UPDATE django_celery_beat_periodictask SET last_run_at = datetime('now', '-2 hours')")
        wait_for(lambda: "worker running" in windhover.output, lambda: windhover.output)
        assert [log["id"] for log in logs(windhover, keyword=entry["id"])] == [waits["id"]]
        assert other_server.stats.requests("/youtube/v3/search") == asked


def test_an_unavailable_broker_delays_a_fetch_by_a_minute(windhover: Windhover, other_server: Simulator) -> None:
    wait_for(lambda: "broker" in windhover.pids(), lambda: windhover.output)
    os.kill(windhover.pids()["broker"], signal.SIGSTOP)
    entry = post(windhover, "/api/keywords/", {"keyword": "python"})
    assert logs(windhover) == []

    os.kill(windhover.pids()["broker"], signal.SIGKILL)
    assert wait_for_log(windhover, keyword=entry["id"], status="done")["number_added"] == 50


def kill_worker(windhover: Windhover) -> None:
    """Kill the worker's first process and its children, as a power cut would."""
    worker = windhover.pids()["worker"]
    for pid in [worker, *children_of(worker)]:
        os.kill(pid, signal.SIGKILL)


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def in_database(windhover: Windhover, statement: str) -> None:
    with closing(sqlite3.connect(windhover.state_dir / "windhover.sqlite3", timeout=30)) as database, database:
        database.execute(statement)
