"""The search, states and orders above the list of keywords, with the names and values of the REST API's filters."""

from dataclasses import asdict, dataclass

from django import forms
from django.core.paginator import Page
from django.http import HttpRequest, QueryDict
from rest_framework.exceptions import ValidationError

from apps.videos.filters import KeywordFilters
from apps.videos.models import KeyWordEntry, KeyWordEntryQuerySet
from apps.videos.pagination import ShortCountPaginator

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


class KeywordFilterForm(forms.Form):
    """The keywords that an address chooses. Empty values are left out, as they are in the address.

    Previewed keywords are not in the REST API's list; here they are a state of their own.
    """

    search = forms.CharField(
        required=False,
        widget=forms.TextInput(attrs={"type": "search", "dir": "auto", "placeholder": "Search keywords"}),
    )
    ordering = forms.ChoiceField(choices=ORDERS, required=False)
    state = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, request: HttpRequest) -> None:
        self.given: QueryDict = request.GET.copy()
        for name in [name for name, value in request.GET.items() if name not in self.base_fields or not value]:
            del self.given[name]
        super().__init__(self.given, auto_id="filter-%s")
        if (order := self.given.get("ordering")) and order not in ORDERS:
            self.fields["ordering"].choices = {order: order} | ORDERS  # type: ignore[attr-defined]
        asked = self.given.copy()
        self.entries = KeyWordEntry.objects.kept()
        if self.given.get("state") == PREVIEWED:
            del asked["state"]
            self.entries = KeyWordEntry.objects.filter(state=PREVIEWED)
        self._filters = KeywordFilters(asked, self.entries)

    def clean(self) -> None:
        try:
            self._filters.check()
        except ValidationError as refused:
            for name, messages in dict(refused.detail).items():  # type: ignore[arg-type]
                self.add_error(name, list(map(str, messages)))

    def rows(self) -> KeyWordEntryQuerySet:
        """Return the keywords; none if a filter is invalid."""
        rows: KeyWordEntryQuerySet = self._filters.qs if self.is_valid() else self.entries.none()
        if "ordering" not in self.given:
            rows = rows.failing_first()
        return rows

    def page(self, number: str | None, size: int) -> Page:
        """Return a page of the keywords with their last logs; three queries, or four with a search.

        Only the ids are sorted: rows have long texts, and databases look up the logs of all that they sort.
        """
        self.counts = KeyWordEntry.objects.count_by_state()
        known = None
        if not self.is_valid():
            known = 0
        elif "search" not in self.given:
            known = self.number_of(self.given.get("state", ""))
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
        """Return a link for each state, with the number of all keywords in it; without previewed if there are none."""
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
