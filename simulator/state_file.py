"""The file that a world needs to be the same after a restart."""

import json
import threading
from contextlib import suppress
from datetime import datetime
from pathlib import Path


class StateFile:
    """A small file with the start time of the world and the topics that were searched.

    Everything else is derived from the seed. Each line is a JSON value; the first is the start time, in ISO 8601. What
    a full disk or a power cut has left of other lines is ignored. ValueError if the file at `path` has another format.
    """

    def __init__(self, path: Path, started_at: datetime) -> None:
        self._path = path
        self._lock = threading.Lock()
        self.started_at = started_at
        self.topics: list[str] = []
        if path.exists() and path.stat().st_size:
            self._read()
        else:
            self._append(started_at.isoformat())

    def add_topic(self, topic: str) -> None:
        """Append a topic."""
        with self._lock:
            self._append(topic)

    def _read(self) -> None:
        began, *lines = self._path.read_text(encoding="utf-8", errors="replace").splitlines()
        try:
            self.started_at = datetime.fromisoformat(json.loads(began))
        except (TypeError, ValueError) as error:
            raise ValueError(f"{self._path} is not a state file of the simulator.") from error
        for line in lines:
            with suppress(ValueError):
                self.topics.append(str(json.loads(line)))

    def _append(self, value: str) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(value) + "\n")
