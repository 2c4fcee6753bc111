"""Open each page as a browser does, in this process."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from statistics import median
from time import perf_counter, process_time
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from django.utils import timezone

from apps.videos import keywords
from apps.videos.models import KeyWordEntry, Video, VideoLog
from benchmarks.api.measuring import counted_queries


@dataclass(frozen=True, slots=True)
class Figures:
    """Medians of a page: milliseconds of time and of CPU, queries, and its size whole and compressed.

    `unchanged_*` are those of the answer to an open page while nothing changes; None if the page does not ask.
    """

    ms: float
    cpu_ms: float
    queries: int
    kb: float
    gzip_kb: float
    unchanged_ms: float | None = None
    unchanged_bytes: int | None = None


def measure(number: int, rounds: int) -> dict[str, Figures]:
    """Measure each page, with `number` more keywords, which are not kept."""
    with more_keywords(number):
        return {name: measure_page(address, rounds) for name, address in pages().items()}


@contextmanager
def more_keywords(number: int) -> Iterator[None]:
    """Add keywords that were fetched once, until the end."""
    with transaction.atomic():
        now = timezone.now()
        texts = (f"benchmark keyword {n}" for n in count())
        entries = KeyWordEntry.objects.bulk_create(
            KeyWordEntry(
                keyword=text,
                normalized=keywords.normalize(text),
                last_fetched_at=now - timedelta(seconds=n),
                searched_through=now - timedelta(seconds=n),
                next_due_at=now + timedelta(seconds=n),
            )
            for n, text in zip(range(number), texts, strict=False)
        )
        VideoLog.objects.bulk_create(
            VideoLog(keyword=entry, keyword_text=entry.keyword, status=VideoLog.Status.DONE, message="Done.")
            for entry in entries
        )
        yield
        transaction.set_rollback(True)


def pages() -> dict[str, str]:
    """Return the address of each page by its name."""
    largest = KeyWordEntry.objects.order_by("-video_count").values_list("pk", flat=True)[0]
    video = Video.objects.newest_first().values_list("pk", flat=True)[0]
    return {
        "home": "/",
        "home, page 10,000": "/?page=10000",
        "home, a word": "/?search=music",
        "home, streams": "/?live=live",
        "keyword": f"/keywords/{largest}/",
        "keyword, page 10,000": f"/keywords/{largest}/?page=10000",
        "keyword, a word": f"/keywords/{largest}/?search=music",
        "video": f"/videos/{video}/",
        "keywords": "/keywords/",
        "keywords, page 50": "/keywords/?page=50",
        "statistics": "/statistics/",
        "statistics, 90 days": "/statistics/?days=90",
        "statistics of a keyword": f"/keywords/{largest}/statistics/?days=90",
        "quota": "/quota/",
        "fetch log": "/log/",
        "fetch log of a keyword": f"/keywords/{largest}/log/",
        "settings": "/settings/",
        "hiding rules": "/rules/",
        "add keywords": "/keywords/add/",
        "admin: keywords": "/admin/videos/keywordentry/",
        "admin: videos": "/admin/videos/video/",
        "admin: fetch logs": "/admin/videos/videolog/",
        "ping, for comparison": "/ping/",
    }


def measure_page(address: str, rounds: int) -> Figures:
    client = Client(headers={"host": "127.0.0.1"})
    if address.startswith("/admin/"):
        client.force_login(User.objects.get_or_create(username="benchmark", is_staff=True, is_superuser=True)[0])
    with counted_queries() as queries:
        whole = get(client, address)
    times, cpu_times = timed(lambda: get(client, address), rounds)
    compressed = get(client, address, accept_encoding="gzip")
    figures: dict[str, Any] = {
        "ms": times,
        "cpu_ms": cpu_times,
        "queries": queries(),
        "kb": round(len(whole.content) / 1000, 1),
        "gzip_kb": round(len(compressed.content) / 1000, 1),
    }
    if asked := asked_by(address, whole.content.decode()):
        tag = get(client, asked, hx_request="true")["ETag"]
        unchanged = get(client, asked, hx_request="true", if_none_match=tag)
        figures["unchanged_ms"], _ = timed(lambda: get(client, asked, hx_request="true", if_none_match=tag), rounds)
        figures["unchanged_bytes"] = len(unchanged.content)
    return Figures(**figures)


def asked_by(address: str, shown: str) -> str:
    """Return the address that an open page asks for changes; empty: it does not ask."""
    if "hx-trigger" not in shown:
        return ""
    shown_to = re.findall('name="shown_to" value="([^"]+)"', shown)
    query = urlencode({"shown_to": shown_to[0]}) if shown_to else ""
    return f"{address}{'&' if '?' in address else '?'}{query}" if query else address


def timed(action: Any, rounds: int) -> tuple[float, float]:
    """Return the median milliseconds of time and of CPU."""
    times, cpu_times = [], []
    for _ in range(rounds):
        start, cpu_start = perf_counter(), process_time()
        action()
        times.append(1000 * (perf_counter() - start))
        cpu_times.append(1000 * (process_time() - cpu_start))
    return round(median(times), 1), round(median(cpu_times), 1)


def get(client: Client, address: str, **headers: str) -> Any:
    response = client.get(address, headers={name.replace("_", "-"): value for name, value in headers.items()})
    if response.status_code not in (200, 304):
        raise RuntimeError(f"{address} answers {response.status_code}")
    return response
