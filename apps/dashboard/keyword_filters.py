"""The search, states and orders above the list of keywords, with the names and values of the REST API's filters."""

from dataclasses import asdict, dataclass
from typing import Any

from django import forms
from django.core.paginator import Page
from django.http import HttpRequest

from apps.dashboard.context import at_present
from apps.dashboard.filters import FilterForm, Select
from apps.videos.filters import KeywordFilters
from apps.videos.models import KeyWordEntry, KeyWordEntryQuerySet
from apps.videos.pagination import ShortCountPaginator

SEARCH = {"type": "search", "dir": "auto", "placeholder": "Search keywords"}

PREVIEWED = KeyWordEntry.State.PREVIEWED.value

STATES = {
    "": "All",
    "failing": "Failing",
    "waiting": "Waiting",
    "watched": "Watched",
    "paused": "Paused",
    PREVIEWED: "Previewed",
}
ORDERS = {
    "": "Failing first",
    "keyword": "Name",
    "-video_count": "Most videos",
    "-last_found_at": "Newest find",
    "next_due_at": "Next fetch",
    "-rate": "Most new videos per day",
    "-created_at": "Last added",
}


@dataclass(frozen=True, slots=True)
class StateLink:
    label: str
    number: int
    query: str
    is_current: bool


class KeywordFilterForm(FilterForm):
    """Previewed keywords are not in the REST API's list; here they are a state of their own."""

    search = forms.CharField(required=False, widget=forms.TextInput(attrs=SEARCH))
    ordering = Select(ORDERS)
    state = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request)
        self.pause = at_present(request).pause
        asked = self.given.copy()
        entries = KeyWordEntry.objects.kept()
        if self.given.get("state") == PREVIEWED:
            del asked["state"]
            entries = KeyWordEntry.objects.filter(state=PREVIEWED)
        self.filters = KeywordFilters(asked, entries)

    def rows(self) -> KeyWordEntryQuerySet:
        """Return the keywords; none if a filter is invalid."""
        rows: Any = super().rows()
        return rows if "ordering" in self.given else rows.failing_first()  # type: ignore[no-any-return]

    def page(self, number: str | None, size: int) -> Page:
        """Return a page of the keywords with their last logs; three queries.

        Only the ids are sorted: rows have long texts, and databases look up the logs of all that they sort.
        """
        is_valid, search = self.is_valid(), self.given.get("search")
        searched = KeyWordEntry.objects.containing(search) if is_valid and search else KeyWordEntry.objects.all()
        self.counts = searched.count_by_state(self.pause)
        known = self.number_of(self.given.get("state", "")) if is_valid else 0
        page = ShortCountPaginator(self.rows().values_list("pk", flat=True), size, known_count=known).get_page(number)
        page.object_list = KeyWordEntry.objects.with_last_log().in_order_of(list(page.object_list))
        return page

    def number_of(self, state: str) -> int:
        return int(asdict(self.counts)[state] if state else self.counts.kept)

    @property
    def query(self) -> str:
        """The part of an address that chooses the same keywords, with its `?`."""
        return f"?{self.given.urlencode()}" if self.given else ""

    def states(self) -> list[StateLink]:
        """Return a link for each state, with the number of keywords in it that the search finds; without previewed if
        there are none."""
        links = []
        for state, label in STATES.items():
            given, current = self.given.copy(), self.given.get("state", "")
            given.pop("state", None)
            if state:
                given["state"] = state
            number = self.number_of(state)
            if number or state != PREVIEWED or current == PREVIEWED:
                links.append(StateLink(label, number, f"?{given.urlencode()}", state == current))
        return links
