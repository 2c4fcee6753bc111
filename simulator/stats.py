"""Counts of served requests."""

import threading
from collections import Counter
from datetime import datetime
from typing import Any

from simulator.projects import Projects


class Stats:
    """Requests served, by endpoint and by status; faults count under the status they replaced."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._served: Counter[tuple[str, int]] = Counter()

    def count(self, endpoint: str, status: int) -> None:
        """Count one response."""
        with self._lock:
            self._served[endpoint, status] += 1

    def requests(self, endpoint: str) -> int:
        """Return the number of requests to an endpoint, such as `/youtube/v3/search`."""
        with self._lock:
            return sum(number for (one, _), number in self._served.items() if one == endpoint)

    def endpoints(self) -> dict[str, dict[str, int]]:
        """Return the counts as `{endpoint: {status: number}}`."""
        found: dict[str, dict[str, int]] = {}
        with self._lock:
            for (endpoint, status), number in sorted(self._served.items()):
                found.setdefault(endpoint, {})[str(status)] = number
        return found


def usage(projects: Projects, now: datetime) -> dict[str, Any]:
    """Return what each project has used today and the results of its keys, which are named by label only."""
    return {
        project.name: {
            "number": project.number,
            "spent": {bucket: projects.spent(project.name, bucket, now) for bucket in project.limits},
            "limits": dict(project.limits),
            "keys": {
                key.label: {"state": key.state, "requests": key.requests, "refused": key.refused}
                for key in project.keys
            },
        }
        for project in projects
    }
