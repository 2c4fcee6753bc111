"""The requests that control the simulator, under `/_control/`; all use JSON."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from simulator.clock import Clock
from simulator.content import Broadcast
from simulator.exchange import Request, Response
from simulator.faults import Faults
from simulator.projects import KEY_STATES, Bucket, Projects
from simulator.stats import Stats, usage
from simulator.world import World

PREFIX = "/_control/"

Body = dict[str, Any]
_LIMITS: dict[str, Bucket] = {"searches_per_day": "search", "units_per_day": "general"}


@dataclass(frozen=True)
class Control:
    """Answer control requests. An invalid request gets 400 and `{"error": one sentence}`."""

    world: World
    clock: Clock
    projects: Projects
    faults: Faults
    stats: Stats

    def answer(self, request: Request) -> Response:
        """Answer a request whose path begins with `PREFIX`."""
        actions: dict[tuple[str, str], Callable[[Body], Body]] = {
            ("GET", "stats"): lambda _: self.report(),
            ("GET", "clock"): lambda _: self._time(),
            ("POST", "clock"): self._set_clock,
            ("POST", "keys"): self._set_keys,
            ("POST", "publish"): self._publish,
            ("POST", "delete"): self._delete,
            ("POST", "faults"): self._set_faults,
        }
        name = request.path.removeprefix(PREFIX).rstrip("/")
        action = actions.get((request.method, name))
        if action is None:
            known = ", ".join(f"{method} {PREFIX}{one}" for method, one in actions)
            return Response.of({"error": f"{request.method} {request.path} does not exist; use one of: {known}."}, 404)
        try:
            return Response.of(action(_read(request.body) if request.method == "POST" else {}))
        except ValueError as error:
            return Response.of({"error": str(error)}, 400)

    def report(self) -> Body:
        """Return the counts.

        `{"now", "requests": {endpoint: {status: n}}, "faults": {source: {kind: n}}, "projects": {...}}`
        """
        now = self.clock.now()
        return {
            "now": now.isoformat(),
            "requests": self.stats.endpoints(),
            "faults": self.faults.served(),
            "projects": usage(self.projects, now),
        }

    def _time(self) -> Body:
        return {"now": self.clock.now().isoformat(), "frozen": self.clock.frozen}

    def _set_clock(self, body: Body) -> Body:
        _reject_unknown(body, "now", "advance", "frozen")
        moment, seconds, frozen = _moment(body, "now"), _number(body, "advance"), body.get("frozen")
        if frozen not in (None, True, False):
            raise ValueError("frozen must be true or false.")
        if moment is not None:
            self.clock.set(moment)
        if seconds is not None:
            self.clock.advance(seconds)
        if frozen is not None:
            (self.clock.freeze if frozen else self.clock.thaw)()
        return self._time()

    def _set_keys(self, body: Body) -> Body:
        _reject_unknown(body, "project", "label", "state", *_LIMITS)
        name, label, state = (_text(body, one) for one in ("project", "label", "state"))
        try:
            project = self.projects[name or ""]
        except KeyError:
            raise ValueError(f"project must be one of: {', '.join(one.name for one in self.projects)}.") from None
        keys = [key for key in project.keys if label in (None, key.label)]
        if label is not None and not keys:
            raise ValueError(f"label must be one of: {', '.join(key.label for key in project.keys)}.")
        if state is not None and state not in KEY_STATES:
            raise ValueError(f"state must be one of: {', '.join(KEY_STATES)}.")
        limits = {bucket: _number(body, limit) for limit, bucket in _LIMITS.items()}
        for key in keys:
            key.state = state or key.state
        for bucket, number in limits.items():
            if number is not None:
                project.limits[bucket] = int(number)
        return {project.name: usage(self.projects, self.clock.now())[project.name]}

    def _publish(self, body: Body) -> Body:
        _reject_unknown(
            body, "topic", "title", "description", "video_id", "channel_title", "published_at", "indexed_at",
            "duration", "broadcast",
        )  # fmt: skip
        title = _text(body, "title")
        topic = _text(body, "topic") or title
        if not topic:
            raise ValueError("A topic or a title is required.")
        duration = _number(body, "duration")
        video = self.world.publish(
            topic,
            published_at=_moment(body, "published_at") or self.clock.now(),
            video_id=_text(body, "video_id"),
            title=title,
            description=_text(body, "description"),
            channel_title=_text(body, "channel_title"),
            duration=None if duration is None else int(duration),
            indexed_at=_moment(body, "indexed_at"),
            broadcast=_broadcast(body.get("broadcast")),
        )
        return {"video_id": video.video_id, "title": video.content.title}

    def _delete(self, body: Body) -> Body:
        _reject_unknown(body, "video_id")
        video_id = _text(body, "video_id")
        if not video_id:
            raise ValueError("video_id is required.")
        self.world.delete(video_id)
        return {"deleted": video_id}

    def _set_faults(self, body: Body) -> Body:
        _reject_unknown(body, "source", "kind", "times", "clear")
        if body.get("clear"):
            self.faults.clear(_text(body, "source"))
            return {"faults": "none"}
        times = body.get("times", 1)
        if times is not None and (isinstance(times, bool) or not isinstance(times, int)):
            raise ValueError("times must be an integer, or null for all requests.")
        self.faults.add(_text(body, "source") or "", _text(body, "kind") or "", times)
        return {"source": body["source"], "kind": body["kind"], "times": times}


def _read(body: bytes) -> Body:
    try:
        data = json.loads(body)
    except ValueError:
        data = None
    if not isinstance(data, dict):
        raise ValueError("The body must be a JSON object.")
    return data


def _reject_unknown(body: Body, *names: str) -> None:
    for name in body:
        if name not in names:
            raise ValueError(f"{name} is not a known field; use {', '.join(names)}.")


def _text(body: Body, name: str) -> str | None:
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{name} must be text.")
    return value


def _number(body: Body, name: str) -> float | None:
    value = body.get(name)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise ValueError(f"{name} must be a number.")
    return value


def _moment(body: Body, name: str) -> datetime | None:
    text = _text(body, name)
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = datetime.min
    if moment.tzinfo is None:
        raise ValueError(f"{name} must be an ISO 8601 date and time with a time zone, such as 2026-11-22T08:00:00Z.")
    return moment


def _broadcast(given: object) -> Broadcast | None:
    if given is None:
        return None
    names = ("planned", "started", "ended")
    if not isinstance(given, dict) or set(given) != set(names) or not all(isinstance(given[one], int) for one in names):
        raise ValueError("broadcast must be {planned, started, ended}, in seconds after publication.")
    return Broadcast(given["planned"], given["started"], given["ended"])
