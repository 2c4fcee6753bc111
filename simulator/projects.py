"""Google Cloud projects: their keys, and the quota each has used since midnight in California."""

import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal, get_args
from zoneinfo import ZoneInfo

from simulator import seeded

# Quota days begin at midnight here (YouTube Data API, "Quota usage").
PACIFIC = ZoneInfo("America/Los_Angeles")

Bucket = Literal["search", "general"]
KeyState = Literal["valid", "invalid", "expired", "service_blocked", "not_enabled", "ip_blocked", "suspended"]
KEY_STATES: tuple[KeyState, ...] = get_args(KeyState)


@dataclass(eq=False)
class Key:
    """One API key. `label` identifies it in statistics, which do not contain the key."""

    key: str = field(repr=False)
    label: str = ""
    state: KeyState = "valid"
    requests: int = 0
    refused: int = 0


class Project:
    """A project and its quota: `searches_per_day` calls of search.list, `units_per_day` for the rest.

    `keys` are key texts or `Key` objects; a key without a label is called `key-1`, `key-2`...
    The project's number, which refusals contain, is derived from `name`.
    """

    def __init__(
        self,
        name: str,
        keys: Iterable[str | Key] = (),
        *,
        searches_per_day: int = 100,
        units_per_day: int = 10_000,
    ) -> None:
        self.name = name
        self.number = 100_000_000_000 + seeded.number("project", name) % 900_000_000_000
        self.keys = [key if isinstance(key, Key) else Key(key) for key in keys]
        for position, key in enumerate(self.keys, 1):
            key.label = key.label or f"key-{position}"
        self.limits: dict[Bucket, int] = {"search": searches_per_day, "general": units_per_day}


class Projects:
    """All projects, and the quota they have used. Thread-safe."""

    def __init__(self, projects: Iterable[Project] = ()) -> None:
        self._lock = threading.Lock()
        self._projects: dict[str, Project] = {}
        self._by_key: dict[str, tuple[Project, Key]] = {}
        self._spent: Counter[tuple[str, Bucket, date]] = Counter()
        for project in projects:
            self.add(project)

    def __iter__(self) -> Iterator[Project]:
        return iter(tuple(self._projects.values()))

    def __getitem__(self, name: str) -> Project:
        """Return a project by its name; KeyError if there is none."""
        return self._projects[name]

    def add(self, project: Project) -> None:
        """Add a project and its keys; ValueError if its name or one of its keys exists already."""
        with self._lock:
            if project.name in self._projects:
                raise ValueError(f"There are two projects named {project.name}.")
            if any(key.key in self._by_key for key in project.keys):
                raise ValueError(f"A key of project {project.name} already belongs to a project.")
            self._projects[project.name] = project
            self._by_key.update((key.key, (project, key)) for key in project.keys)

    def owner(self, key: str) -> tuple[Project, Key] | None:
        """Return the project of a key and the key, or None if no project has it."""
        return self._by_key.get(key)

    def spend(self, project: Project, bucket: Bucket, now: datetime, amount: int = 1) -> bool:
        """Charge a call and return whether the quota sufficed. A refused call is charged as well."""
        day = quota_day(now)
        with self._lock:
            self._spent[project.name, bucket, day] += amount
            return self._spent[project.name, bucket, day] <= project.limits[bucket]

    def count(self, key: Key, *, refused: bool) -> None:
        """Count a request made with a key."""
        with self._lock:
            key.requests += 1
            key.refused += refused

    def spent(self, name: str, bucket: Bucket, now: datetime) -> int:
        """Return what a project has been charged on the quota day of `now`."""
        return self._spent[name, bucket, quota_day(now)]


def quota_day(now: datetime) -> date:
    """Return the quota day of `now`."""
    return now.astimezone(PACIFIC).date()


def quota_day_began(now: datetime) -> int:
    """Return when the quota day of `now` began, in Unix seconds."""
    return int(datetime.combine(quota_day(now), datetime.min.time(), PACIFIC).timestamp())
