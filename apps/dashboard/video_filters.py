"""The filters above a list of videos."""

from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django import forms
from django.http import HttpRequest

from apps.dashboard.filters import Date, FilterForm, Select, Text
from apps.videos.filters import ExportFilters, KeywordVideoFilters, VideoFilters
from apps.videos.models import KeyWordEntry, Match, Video

LENGTHS = {60: "1 minute", 240: "4 minutes", 1200: "20 minutes", 3600: "1 hour"}  # by their seconds
ORDERS = {
    "-created_at": "Last found first",
    "-published_at": "Newest first",
    "published_at": "Oldest first",
    "-view_count": "Most views first",
    "-duration": "Longest first",
    "duration": "Shortest first",
}
STREAMS = {
    "": "any",
    "none": "no stream",
    "upcoming": "upcoming",
    "live": "live now",
    "completed": "premiered or streamed",
}
SOURCES = {"": "any", "youtube": "YouTube", "invidious": "Invidious"}
SEEN = {"": "any", "false": "not seen", "true": "seen"}
STARRED = {"": "any", "true": "starred", "false": "not starred"}
HIDDEN = {"": "left out", "any": "included", "true": "only hidden", "unassigned": "about no keyword"}

SEARCH = {"type": "search", "dir": "auto", "placeholder": "Search videos"}


class VideoFilterForm(FilterForm):
    """Of one keyword's videos, or of all."""

    filters: KeywordVideoFilters

    search = forms.CharField(required=False, widget=forms.TextInput(attrs=SEARCH))
    ordering = Select({})
    keyword = Text(label="Found by keyword")
    channel = Text(label="Channel")
    published_after = Date(label="Published from")
    published_before = Date(label="Published before")
    found_after = Date(label="Found from")
    min_duration = Select({"": "any", **LENGTHS}, label="Duration at least")
    max_duration = Select({"": "any", **LENGTHS}, label="Duration at most")
    live = Select(STREAMS, label="Live or premiere")
    method = Select(SOURCES, label="Source")
    matched_in = Select({"": "any", **dict(Match.In.choices)}, label="Keyword appears in")
    seen = Select(SEEN, label="Seen")
    starred = Select(STARRED, label="Starred")
    hidden = Select(HIDDEN, label="Hidden")

    def __init__(self, request: HttpRequest, entry: KeyWordEntry | None = None) -> None:
        super().__init__(request, leave_out=["keyword"] if entry else [])
        self.entry = entry
        # Of all keywords, what was found last: so a reader misses nothing that YouTube showed late.
        default = "-published_at" if entry else "-created_at"
        self.order = self.given.get("ordering", default)
        self.filters = self._choosing(ordering=self.order)
        ordering: Any = self.fields["ordering"]
        ordering.offer({"": ORDERS[default]} | {value: ORDERS[value] for value in ORDERS if value != default})
        ordering.show(self.given.get("ordering", ""))

    def _choosing(self, **chosen: str) -> KeywordVideoFilters:
        """Return the filters for what is given, with `chosen` instead where they differ."""
        values = self.given.copy()
        for name, value in chosen.items():
            values[name] = value
        filters = partial(KeywordVideoFilters, entry=self.entry) if self.entry else VideoFilters
        return filters(values, Video.objects.all())

    def counted(self) -> dict[str, int]:
        """Return what the paginator may know of the number of rows; see the REST API's filters."""
        return self.filters.counted() if self.is_valid() else {"known_count": 0}

    def newest_found_at(self) -> datetime | None:
        """Return when the last video was found, of the keyword or of all; one short query."""
        rows = self.entry.matches if self.entry else Video.objects
        return rows.order_by("-created_at").values_list("created_at", flat=True).first()

    def number_found_after(self, moment: datetime, most: int) -> int:
        """Return how many of the videos were found after `moment`, counting no more than `most`."""
        if not self.is_valid():
            return 0
        if self.entry and not self.given.keys() - {"ordering"}:
            return self.entry.matches.filter(created_at__gt=moment, hidden=False)[:most].count()
        since = moment + timedelta(microseconds=1)
        return self._choosing(found_after=since.isoformat(), ordering="-created_at").rows()[:most].count()

    @property
    def last_found_first(self) -> bool:
        return self.order == "-created_at"

    @property
    def query(self) -> str:
        """The part of an address that chooses the same videos in the REST API, newest first, with its `?`."""
        given = self.given.copy()
        given.pop("ordering", None)
        return f"?{given.urlencode()}" if given else ""

    @property
    def export_query(self) -> str:
        """The same for exports, in the order of the page if it is by a date."""
        given = self.given.copy()
        if given.get("ordering", "").removeprefix("-") not in ExportFilters.base_filters["ordering"].by:
            given.pop("ordering", None)
        return f"?{given.urlencode()}" if given else ""

    def details(self) -> list[forms.BoundField]:
        """Return the fields that are folded away."""
        return [field for field in self if field.name not in ("search", "ordering")]

    def set_details(self) -> list[tuple[str, str]]:
        """Return the label of each of them that is set, and its value in words."""
        fields: list[Any] = [field for field in self.details() if field.name in self.given]
        return [(field.label, field.field.in_words(self.given[field.name])) for field in fields]
