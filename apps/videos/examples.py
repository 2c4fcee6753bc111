"""The examples in the schema of the REST API: what it answered for the keyword kestrel, by the name of an operation."""

from typing import Any

from django.conf import settings

from apps.videos.exports import in_csv, in_json_lines

KEYWORD = {
    "id": 1,
    "keyword": "kestrel",
    "state": "watched",
    "interval": None,
    "weight": 1,
    "video_count": 86,
    "created_at": "2026-11-27T01:00:08.738077Z",
    "rate": 11.9,
    "planned_interval": 7200,
    "searches_per_day": 12.0,
    "expected_delay": 3600,
    "stretched": False,
    "below_daily_minimum": False,
    "last_fetched_at": "2026-11-27T01:00:14.138285Z",
    "next_due_at": "2026-11-27T03:00:14.138285Z",
    "searched_through": "2026-11-27T01:00:14.212605Z",
    "gaps": [{"after": "2026-11-26T18:00:00Z", "before": "2026-11-26T21:30:00Z", "late": False}],
    "bad_query": "",
    "refused_since": None,
    "notify": "daily",
    "notify_to": ["mailto"],
    "hidden_count": 2,
    "last_status": "done",
    "last_found_at": "2026-11-27T01:00:14.572346Z",
    "searched_with": 11,
    "audit": {"audited_at": "2026-11-25T17:20:00.413711Z", "expected": 50, "delivered": 49, "at_least": 0.895},
    "stretched_by": None,
    "silence": None,
}

VIDEO = {
    "video_id": "CM4kR7lxVaY",
    "title": "Why kestrel isn't what you think",
    "description": "kestrel — Some of what we believed two years ago turned out to be wrong.",
    "published_at": "2026-11-27T00:57:46Z",
    "channel_title": "Dmitri Lindqvist",
    "thumbnail": "https://i.ytimg.com/vi/CM4kR7lxVaY/hqdefault.jpg",
    "created_at": "2026-11-27T01:00:14.572346Z",
    "updated_at": "2026-11-27T01:00:14.572346Z",
    "keyword": 1,
    "keyword_text": "kestrel",
    "method": "youtube",
    "watch_url": "https://www.youtube.com/watch?v=CM4kR7lxVaY",
    "published_exact": True,
    "channel_id": "UCpjZF1jOx9cs0Gt0KKSmO7A",
    "duration": 749,
    "live_state": "none",
    "view_count": 31,
    "views_read_at": "2026-11-27T01:00:14.572346Z",
    "starts_at": None,
    "seen": False,
    "starred": True,
    "hidden": False,
    "hidden_by": None,
    "matched_in": "title",
    "tags": ["kestrel", "birds of prey"],
    "missing_since": None,
    "blanked_at": None,
}

RULE = {
    "id": 1,
    "keyword": 1,
    "kind": "channel",
    "value": "UCpjZF1jOx9cs0Gt0KKSmO7A",
    "label": "Dmitri Lindqvist",
    "created_at": "2026-11-27T02:00:00.120004Z",
    "applied_at": "2026-11-27T02:00:01.400217Z",
}

LOG = {
    "id": 1,
    "keyword": 1,
    "keyword_text": "kestrel",
    "method": "youtube",
    "status": "done",
    "trigger": "first",
    "shared_with": None,
    "error": False,
    "error_code": "",
    "message": "YouTube: 50 found, 50 new.",
    "http_status": None,
    "number_found": 50,
    "number_added": 50,
    "searches": 1,
    "units": 1,
    "duration": 0.534,
    "waiting_until": None,
    "created_at": "2026-11-27T01:00:14.176988Z",
}

# A fetch that has just begun.
RUNNING = LOG | {
    "id": 7,
    "method": "",
    "status": "running",
    "trigger": "manual",
    "message": "",
    "number_found": 0,
    "number_added": 0,
    "searches": 0,
    "units": 0,
    "duration": None,
}

PREVIEW = {
    "keyword": "kestrel",
    "state": "previewed",
    "videos_per_day": 11.9,
    "cost": {"interval": 7200, "others_before": 5400, "others_after": 6000, "below_daily_minimum": False},
    "log": LOG | {"trigger": "preview"},
    "videos": [VIDEO],
    "id": 1,
}

QUOTA = {
    "day": "2026-11-26",
    "resets_at": "2026-11-27T08:00:00Z",
    "projects": [
        {
            "project": "windhover",
            "search": {"limit": 100, "used": 61, "left": 39, "refused_at": None},
            "general": {"limit": 10_000, "used": 61, "left": 9_939, "refused_at": None},
            "keys": [
                {
                    "label": "windhover",
                    "fingerprint": "f2cc",
                    "state": "active",
                    "cooling_down_until": None,
                    "reason": "",
                }
            ],
        }
    ],
    "scheduled": {
        "searches_per_day": 90,
        "left": 37,
        "search_rate": 90.0,
        "ends_at": None,
        "waits_until": None,
        "waits_for_key": False,
    },
    "keywords": 1,
    "plan": [KEYWORD],
    "hours": [
        {"start": "2026-11-27T01:00:00Z", "searches": 4},
        {"start": "2026-11-27T02:00:00Z", "searches": None},
    ],
    "days": [{"day": "2026-11-25", "searches": 100}, {"day": "2026-11-26", "searches": 61}],
    "stored_data": {
        "oldest_at": "2026-11-14T22:41:07.519330Z",
        "next_due_at": "2026-12-08T22:41:07.519330Z",
        "videos": 24174,
        "due": 0,
        "due_is_exact": True,
        "erased_from": None,
    },
}

STATISTICS = {
    "video_count": 86,
    "hidden_count": 2,
    "days": [{"day": "2026-11-26", "published": 31, "found": 30}, {"day": "2026-11-27", "published": 12, "found": 14}],
    "searches": [{"day": "2026-11-25", "searches": 24}, {"day": "2026-11-26", "searches": 11}],
    "newest": {
        "videos": 86,
        "since": "2026-11-25T09:12:44.120551Z",
        "methods": {"youtube": 84, "invidious": 2},
        "channels": [{"channel_id": VIDEO["channel_id"], "channel_title": VIDEO["channel_title"], "videos": 9}],
        "delay": {
            "videos": 43,
            "median": 2634,
            "p95": 11095,
            "within_1h": 0.6,
            "within_6h": 1.0,
            "steps": [
                {"within": 300, "videos": 4},
                {"within": 900, "videos": 5},
                {"within": 1800, "videos": 7},
                {"within": 3600, "videos": 10},
                {"within": 10800, "videos": 14},
                {"within": 21600, "videos": 3},
                {"within": 86400, "videos": 0},
                {"within": None, "videos": 0},
            ],
        },
    },
}

FEED = """<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xmlns:media="http://search.yahoo.com/mrss/">
 <title>kestrel</title>
 <link href="http://127.0.0.1:8000/keywords/1/" rel="alternate"/>
 <link href="http://127.0.0.1:8000/api/keywords/1/feed/" rel="self"/>
 <id>urn:uuid:4a7c50be-2d5e-5c0b-8f6a-0c1d6d1f2b3e</id>
 <updated>2026-11-27T01:00:14.572346+00:00</updated>
 <author><name>Windhover</name></author>
 <entry>
  <title>Why kestrel isn't what you think</title>
  <link href="https://www.youtube.com/watch?v=CM4kR7lxVaY" rel="alternate"/>
  <published>2026-11-27T00:57:46+00:00</published>
  <updated>2026-11-27T01:00:14.572346+00:00</updated>
  <author>
   <name>Dmitri Lindqvist</name>
   <uri>https://www.youtube.com/channel/UCpjZF1jOx9cs0Gt0KKSmO7A</uri>
  </author>
  <id>yt:video:CM4kR7lxVaY</id>
  <summary type="html">&lt;p&gt;kestrel — Some of what we believed two years ago ...&lt;/p&gt;</summary>
  <category term="kestrel"/>
  <media:thumbnail url="https://i.ytimg.com/vi/CM4kR7lxVaY/hqdefault.jpg"/>
 </entry>
</feed>
"""

DESCRIPTION = f"""Videos found by Windhover

Windhover {settings.VERSION} watches YouTube for keywords. This file describes an export of the videos that it found.

EXPORT
Described at: 2026-11-27 01:02:03 UTC
Videos: 86
With an estimated date of publication: 2
Filters: none
...

KEYWORDS

Keyword: kestrel
* State: watched
* Added: 2026-11-27 01:00:08 UTC
...
"""

# What feeds and exports answer, by their type.
FILES = {
    "application/atom+xml": FEED,
    "text/csv": b"".join(in_csv(iter([[VIDEO]]))).decode(),
    "application/jsonl": b"".join(in_json_lines(iter([[VIDEO]]))).decode(),
    "text/plain": DESCRIPTION,
}

ENDPOINTS = {
    "videos": "http://127.0.0.1:8000/api/videos/",
    "keyword_videos": "http://127.0.0.1:8000/api/keyword/{keyword}/videos/",
}


def page(result: dict[str, Any], address: str) -> dict[str, Any]:
    """Return the first of several pages."""
    next_page = f"http://127.0.0.1:8000/api/{address}?page=2"
    return {"count": 86, "next": next_page, "previous": None, "results": [result]}


REQUESTS: dict[str, Any] = {
    "add_keyword": {"keyword": "kestrel"},
    "update_keyword": {"keyword": "Kestrel", "interval": 3600, "weight": 2, "state": "watched"},
    "change_keyword": {"state": "paused"},
    "preview_keyword": {"keyword": "kestrel"},
    "add_rule": {"keyword": 1, "kind": "channel", "value": RULE["value"]},
    "preview_rule": {"keyword": None, "kind": "min_duration", "value": "180"},
    "change_video": {"starred": True},
    "change_videos": {"video_ids": [VIDEO["video_id"]], "seen": True},
    "add_keywords": {"keywords": [{"keyword": "kestrel"}, {"keyword": "Red Kite", "interval": 3600, "weight": 2}]},
}

RESPONSES: dict[str, Any] = {
    "list_endpoints": ENDPOINTS,
    "list_keyword_videos": page(VIDEO, "keyword/kestrel/videos/"),
    "list_videos": page(VIDEO, "videos/"),
    "get_video": VIDEO,
    "change_video": VIDEO,
    "list_rules": {"count": 1, "next": None, "previous": None, "results": [RULE]},
    "get_rule": RULE,
    "add_rule": RULE | {"applied_at": None},
    "preview_rule": {"videos": 23, "is_exact": True},
    "change_videos": {"changed": 1},
    "list_keywords": page(KEYWORD, "keywords/"),
    "add_keyword": KEYWORD,
    "get_keyword": KEYWORD,
    "update_keyword": KEYWORD | REQUESTS["update_keyword"],
    "change_keyword": KEYWORD | REQUESTS["change_keyword"] | {"next_due_at": None},
    "preview_keyword": PREVIEW,
    "add_keywords": {
        "new": 1,
        "known": 1,
        "refused": 0,
        "results": [
            {"keyword": "kestrel", "result": "known", "id": 1, "detail": ""},
            {"keyword": "Red Kite", "result": "new", "id": 2, "detail": ""},
        ],
    },
    "get_keyword_statistics": STATISTICS,
    "get_statistics": STATISTICS,
    "fetch_keyword": RUNNING,
    "list_logs": page(LOG, "logs/"),
    "get_log": LOG,
    "get_quota": QUOTA,
    "ping": {"status": "success", "message": "pong", "database": "ok"},
    "get_health": {
        "status": "success",
        "parts": {
            name: {"ok": True, "age": 4, "detail": ""} for name in ("database", "broker", "worker", "beat", "disk")
        },
    },
    "get_metrics": '# TYPE windhover_searches_left gauge\nwindhover_searches_left{project="windhover"} 39.0\n',
}
