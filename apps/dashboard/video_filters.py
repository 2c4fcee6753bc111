"""The filters above a list of videos: a form with the names and values of the REST API's filters, which it uses."""

from functools import partial
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict
from rest_framework.exceptions import NotFound, ValidationError

from apps.videos.filters import ExportFilters, KeywordVideoFilters, VideoFilters
from apps.videos.models import KeyWordEntry, Video

LENGTHS = {60: "1 minute", 240: "4 minutes", 1200: "20 minutes", 3600: "1 hour"}  # by their seconds
ORDERS = {
    "": "Newest first",
    "published_at": "Oldest first",
    "-created_at": "Last found first",
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


class _Select(forms.ChoiceField):
    def __init__(self, options: dict[Any, str], **kwargs: Any) -> None:
        self.options = {str(value): label for value, label in options.items()}
        super().__init__(choices=self.options, required=False, **kwargs)

    def offer(self, value: str) -> None:
        """Offer also a value of the address that is not among the options."""
        self.choices = {value: value} | self.options


class _Date(forms.CharField):
    widget = forms.DateInput(attrs={"type": "date"})


class VideoFilterForm(forms.Form):
    """Of one keyword's videos, or of all. Empty values are left out, as they are in the address."""

    search = forms.CharField(required=False, widget=forms.TextInput(attrs={"type": "search", "dir": "auto"}))
    ordering = _Select(ORDERS)
    keyword = forms.CharField(required=False, label="Found by keyword", widget=forms.TextInput(attrs={"dir": "auto"}))
    channel = forms.CharField(required=False, label="Channel", widget=forms.TextInput(attrs={"dir": "auto"}))
    published_after = _Date(required=False, label="Published from")
    published_before = _Date(required=False, label="Published before")
    min_duration = _Select({"": "any", **LENGTHS}, label="Duration at least")
    max_duration = _Select({"": "any", **LENGTHS}, label="Duration at most")
    live = _Select(STREAMS, label="Live or premiere")
    method = _Select(SOURCES, label="Source")

    def __init__(self, request: HttpRequest, entry: KeyWordEntry | None = None) -> None:
        names = self.base_fields.keys() - ({"keyword"} if entry else set())
        self.given: QueryDict = request.GET.copy()
        for name in [name for name, value in request.GET.items() if name not in names or not value]:
            del self.given[name]
        super().__init__(self.given, auto_id="filter-%s")
        if entry:
            del self.fields["keyword"]
        for name, value in self.given.items():
            if isinstance(field := self.fields[name], _Select):
                field.offer(str(value))
        filters = partial(KeywordVideoFilters, entry=entry) if entry else VideoFilters
        self._filters = filters(self.given, Video.objects.all())

    def clean(self) -> None:
        try:
            self._filters.check()
        except NotFound:
            self.add_error("keyword", "There is no such keyword.")
        except ValidationError as refused:
            for name, messages in dict(refused.detail).items():  # type: ignore[arg-type]
                self.add_error(name, list(map(str, messages)))

    def rows(self) -> QuerySet[Any]:
        """Return the videos, or matches of one keyword; none if a filter is invalid."""
        return self._filters.rows() if self.is_valid() else Video.objects.none()

    def counted(self) -> dict[str, int]:
        """Return what the paginator may know of the number of rows; see the REST API's filters."""
        return self._filters.counted() if self.is_valid() else {"known_count": 0}

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

    def number_of_details(self) -> int:
        return sum(field.name in self.given for field in self.details())

    def is_detailed(self) -> bool:
        """Return whether to unfold the fields: one of them is set."""
        return self.number_of_details() > 0
