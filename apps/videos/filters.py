"""Which rows a list of the REST API has, and in which order: the parameters of its address.

What is not understood is an error (400) that names the parameter and lists what there is: a misspelled filter must not
show everything.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import connections
from django.db.models import Case, F, QuerySet, Value, When
from django.db.models.functions import Upper
from django.utils.functional import cached_property
from django_filters import rest_framework as django_filters
from drf_spectacular.utils import extend_schema_field
from rest_framework.exceptions import ErrorDetail, NotFound, ValidationError
from rest_framework.fields import get_error_detail
from rest_framework.request import Request
from rest_framework.views import APIView

from apps.videos import cursors, keywords, pagination
from apps.videos.conditions import CHANNEL_ID, Conditions, meeting, terms
from apps.videos.errors import BLANK, NotWatched, one_of, there_are, whole_number
from apps.videos.fulltext import Search
from apps.videos.models import (
    KeyWordEntry,
    KeyWordEntryQuerySet,
    Match,
    Video,
    VideoFetchMethod,
    VideoLog,
    VideoLogQuerySet,
    VideoQuerySet,
    VideoTotal,
)
from apps.videos.scheduling import pauses

MAX_ID = 10**18 - 1


class Parameter(django_filters.Filter):  # type: ignore[misc]  # django-filter has no types
    """A filter with its description and form for the API's schema."""

    schema: Mapping[str, Any] = {"type": "string", "minLength": 1}

    def __init__(self, description: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        extend_schema_field({**self.schema, "description": description})(self)


class MomentField(forms.Field):
    """A date or date-time in ISO 8601; a date is its midnight, and UTC counts where no offset is given."""

    def to_python(self, value: str | None) -> datetime | None:
        if not value:
            return None
        try:
            moment = datetime.fromisoformat(value.upper())
        except ValueError:
            raise DjangoValidationError(
                "Must be a date or date-time in ISO 8601: 2026-11-20, 2026-11-20T12:00:00Z or, with + as %2B, "
                "2026-11-20T12:00:00%2B02:00."
            ) from None
        if moment.tzinfo is None:
            return moment.replace(tzinfo=UTC)
        try:
            return moment.astimezone(UTC)
        except OverflowError:  # by an offset, out of the years 1 to 9999
            return (datetime.min if moment.year == 1 else datetime.max).replace(tzinfo=UTC)


class Moment(Parameter):
    field_class = MomentField
    schema = {"type": "string", "anyOf": [{"format": "date-time"}, {"format": "date"}]}


class WholeNumberField(forms.Field):
    """A whole number from `minimum` to `maximum`, in the digits 0 to 9."""

    def __init__(self, *, minimum: int = 0, maximum: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.minimum, self.maximum = minimum, maximum

    def to_python(self, value: str | None) -> int | None:
        if not value:
            return None
        if not (re.fullmatch("[0-9]{1,18}", value) and self.minimum <= int(value) <= self.maximum):
            raise DjangoValidationError(whole_number(self.minimum, self.maximum))
        return int(value)


class WholeNumber(Parameter):
    field_class = WholeNumberField

    def __init__(self, description: str, *args: Any, minimum: int = 0, maximum: int, **kwargs: Any) -> None:
        self.schema = {"type": "integer", "minimum": minimum, "maximum": maximum}
        super().__init__(description, *args, minimum=minimum, maximum=maximum, **kwargs)


class OneOfField(forms.Field):
    """One of the names in `values`, whose value is returned."""

    def __init__(self, *, values: Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.values = values

    def to_python(self, value: str | None) -> Any:
        if not value:
            return None
        if value not in self.values:
            raise DjangoValidationError(one_of(self.values), "invalid_choice")
        return self.values[value]


class OneOf(Parameter):
    field_class = OneOfField

    def __init__(self, description: str, *args: Any, choices: Iterable[str], **kwargs: Any) -> None:
        self.schema = {"type": "string", "enum": list(choices)}
        super().__init__(description, *args, values={name: name for name in choices}, **kwargs)


class Flag(Parameter):
    field_class = OneOfField
    schema = {"type": "boolean"}

    def __init__(self, description: str, field_name: str) -> None:
        # SQLite uses an index for `error IN (1)`, but not for what Django makes of `error=True`.
        super().__init__(description, field_name, "in", values={"true": [True], "false": [False]})


class Mark(Parameter):
    """Whether a mark is set."""

    field_class = OneOfField
    schema = {"type": "boolean"}

    def __init__(self, description: str, field_name: str) -> None:
        super().__init__(description, field_name, "isnull", values={"true": False, "false": True})


class Ordering(OneOf):
    """The order of the rows, with the key to decide between equals. Unknown values come last, either way.

    `by` has the fields, or expressions that may be null, by the names of the orders.
    """

    def __init__(self, by: Mapping[str, Any], *, default: str, pk: str, nullable: Iterable[str] = ()) -> None:
        names = [sign + name for name in by for sign in ("", "-")]
        super().__init__(f"The order; `-` means descending. Default: `{default}`.", choices=names)
        self.by, self.default, self.pk, self.nullable = by, default, pk, set(nullable)

    def filter(self, queryset: QuerySet[Any], chosen: str | None) -> QuerySet[Any]:
        sign, name = re.fullmatch("(-?)(.+)", chosen or self.default).groups()  # type: ignore[union-attr]
        field, key = self.by[name], sign + self.pk
        if name not in self.nullable:
            return queryset.order_by(sign + field, key)
        value = F(field) if isinstance(field, str) else field
        return queryset.order_by(value.desc(nulls_last=True) if sign else value.asc(nulls_last=True), key)


class Text(Parameter):
    field_class = forms.Field  # not CharField, which would strip and refuse


class SearchField(forms.Field):
    """Any text. NUL, which PostgreSQL cannot compare with anything, ends a word."""

    def to_python(self, value: str | None) -> str | None:
        return value.replace("\0", " ") if value else None


class SearchText(Parameter):
    field_class = SearchField
    schema = {"type": "string"}  # empty: everything


class KeywordsField(forms.Field):
    """Keywords by their text, in any spelling: a list of entries. One that is not being watched is a 404."""

    widget = forms.MultipleHiddenInput

    def clean(self, value: list[str] | None) -> list[KeyWordEntry]:
        return find_keywords(value) if value else []


class KeywordIdsField(WholeNumberField):
    widget = forms.MultipleHiddenInput

    def clean(self, value: list[str] | None) -> list[KeyWordEntry]:
        ids = [self.to_python(text) for text in value or []]
        found = KeyWordEntry.objects.with_videos_changed_at().in_bulk(ids) if ids else {}
        if missing := [str(pk) for pk in ids if pk not in found]:
            raise NotFound(f"No keyword has this id: {', '.join(missing)}.")
        return list(found.values())


class Several(Parameter):
    """A filter that may be given several times; VideoFilters.filter_queryset() applies it."""

    def __init__(self, description: str, **kwargs: Any) -> None:
        self.schema = {"type": "array", "items": self.schema}
        super().__init__(description, **kwargs)

    def filter(self, queryset: QuerySet[Any], value: Any) -> QuerySet[Any]:
        return queryset


class Keywords(Several):
    field_class = KeywordsField
    schema = keywords.SCHEMA


class KeywordTextField(forms.Field):
    """A valid keyword, watched or not."""

    def to_python(self, value: str | None) -> str | None:
        return keywords.check(value) if value else None


class KeywordText(Parameter):
    """A keyword, whose logs LogFilters.filter_queryset() finds."""

    field_class = KeywordTextField
    schema = keywords.SCHEMA

    def filter(self, queryset: QuerySet[Any], value: str | None) -> QuerySet[Any]:
        return queryset


class KeywordIds(Several):
    field_class = KeywordIdsField
    schema = {"type": "integer", "minimum": 1, "maximum": MAX_ID}


def find_keywords(texts: Iterable[str]) -> list[KeyWordEntry]:
    """Return the entries for `texts`; one query. An invalid keyword is a 400, one that is not being watched a 404."""
    try:
        by_form = {keywords.normalize(text): text for text in map(keywords.check, texts)}
    except DjangoValidationError as error:
        raise ValidationError({"keyword": get_error_detail(error)}) from error
    entries = list(KeyWordEntry.objects.with_videos_changed_at().filter(normalized__in=by_form))
    if missing := by_form.keys() - {entry.normalized for entry in entries}:
        named = ", ".join(sorted(by_form[form] for form in missing))
        raise NotWatched(f'Not being watched: {named}. Add it with POST /api/keywords/ and {{"keyword": "..."}}.')
    return entries


class Filters(django_filters.FilterSet):  # type: ignore[misc]
    """Filters whose values are checked strictly."""

    base_filters: Mapping[str, Any]

    def __init__(self, data: Mapping[str, Any], *args: Any, **kwargs: Any) -> None:
        # Preparing all filters would take a third of the time of a page.
        given = {"ordering", *data}
        self.base_filters = {name: prepared for name, prepared in self.base_filters.items() if name in given}
        super().__init__(data, *args, **kwargs)

    def check(self) -> None:
        """Raise ValidationError for invalid values."""
        if not self.is_valid():
            refused = self.errors.as_data().items()
            raise ValidationError(
                {name: [text for one in errors for text in get_error_detail(one)] for name, errors in refused}
            )

    def rows(self) -> QuerySet[Any]:
        """Return the rows; raise ValidationError for invalid values."""
        self.check()
        return self.qs  # type: ignore[no-any-return]


class KeywordVideoFilters(Filters):
    """The videos of one keyword (`entry`), or of all."""

    search = SearchText("Words in title, description or channel.")
    channel = Text("Only of this channel: its id, or its whole title in upper or lower case.")
    published_after = Moment("Published at this time or later.", "published_at", "gte")
    published_before = Moment("Published before this time.", "published_at", "lt")
    found_after = Moment("Stored (`created_at`) at this time or later.", "created_at", "gte")
    found_before = Moment("Stored (`created_at`) before this time.", "created_at", "lt")
    method = OneOf("The source that found it first.", choices=VideoFetchMethod.values)
    live = OneOf("Whether it is a stream or premiere.", "live_state", choices=Video.LiveState.values)
    min_duration = WholeNumber("At least this many seconds long.", "duration", "gte", maximum=2**31 - 1)
    max_duration = WholeNumber("At most this many seconds long.", "duration", "lte", maximum=2**31 - 1)
    exact = Flag("Whether the date of publication is exact, not an estimate.", "published_exact")
    seen = Mark("Whether it is marked as seen.", "seen_at")
    starred = Mark("Whether it is starred.", "starred_at")
    hidden = OneOf(
        "`false`: without hidden videos, as without this parameter. `true`: only hidden ones. `any`: both. "
        "`unassigned`: only those that a search for several keywords found, and that are about none of them.",
        choices=["false", "true", "any", "unassigned"],
    )
    matched_in = OneOf(
        "Where all words of the keyword stand: of the list's keyword, or of the first that found the video.",
        choices=Match.In.values,
    )
    ordering = Ordering(
        {name: name for name in ("published_at", "created_at", "view_count", "duration")},
        default="-published_at",
        pk="video_id",
        nullable=["view_count", "duration"],
    )

    def __init__(self, *args: Any, entry: KeyWordEntry | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.entry = entry

    def given(self) -> set[str]:
        """Return the names of the filters with a value, without those that choose keywords, hidden ones and order."""
        return {name for name, value in self.form.cleaned_data.items() if value not in (None, "", [])} - {
            "keyword",
            "keyword_id",
            "hidden",
            "ordering",
        }

    def wants_hidden(self) -> bool | None:
        """Return whether the videos are the hidden ones, or the others; None: both."""
        wanted = {"any": None, "true": True, "unassigned": True}
        return wanted.get(self.form.cleaned_data.get("hidden") or "", False)

    @property
    def wants_unassigned(self) -> bool:
        return bool(self.form.cleaned_data.get("hidden") == "unassigned")

    def entries(self) -> list[KeyWordEntry]:
        """Return the keywords of which each video needs one; none: it needs no keyword."""
        values = self.form.cleaned_data
        requested = [*values.get("keyword", []), *values.get("keyword_id", [])]
        return [self.entry] if self.entry else list({entry.pk: entry for entry in requested}.values())

    @cached_property
    def total(self) -> VideoTotal:
        return VideoTotal.read()

    def changed_at(self) -> datetime | None:
        """Return when the videos last changed; one query at most."""
        entries: list[Any] = self.entries()
        return entries[0].videos_changed_at if entries else self.total.changed_at  # the entries are annotated with it

    def counted(self) -> dict[str, int]:
        """Return what the paginator may know of the number of videos; one query at most, which reads no video."""
        entries, given = self.entries(), self.given()
        search = Search(self.form.cleaned_data.get("search") or "")
        if given == {"search"} and search.wanted and not entries and not self.wants_unassigned:
            return self._counted_by_index(search)
        if given or self.wants_unassigned:
            return {}
        count = max(map(self._count_of, entries)) if entries else self._count_of(self.total)
        return {"known_count" if len(entries) < 2 else "at_least": count}

    def _counted_by_index(self, search: Search) -> dict[str, int]:
        """Count in the index for full text, which does not know what is hidden."""
        limit, hidden = pagination.COUNTED_UP_TO, self.total.hidden_count
        wanted = self.wants_hidden()
        if wanted or (wanted is False and hidden > limit):
            return {}
        others = hidden if wanted is False else 0
        found = search.count(self.queryset.db, limit + others)
        if found >= limit + others:
            return {"at_least": limit}
        return {} if others else {"known_count": found}

    def _count_of(self, kept: KeyWordEntry | VideoTotal) -> int:
        """Return the kept number of videos of a keyword, or of all."""
        count = kept.video_count if isinstance(kept, KeyWordEntry) else kept.count
        return {None: count, True: kept.hidden_count, False: count - kept.hidden_count}[self.wants_hidden()]

    def conditions(self) -> Conditions:
        """Return the conditions on the fields of a video."""
        conditions: dict[str, dict[str, Any]] = {}
        for name in self.given() - {"search", "channel", "matched_in"}:
            parameter = self.filters[name]
            lookups = conditions.setdefault(parameter.field_name, {})
            lookups[parameter.lookup_expr] = self.form.cleaned_data[name]
        if self.wants_unassigned:
            conditions["keyword"] = {"isnull": True}
        if channel := self.form.cleaned_data.get("channel"):
            if CHANNEL_ID.fullmatch(channel):
                conditions["channel_id"] = {"exact": channel}
            else:
                conditions["channel_name"] = {"exact": Upper(Value(channel))}
        return conditions

    def filter_queryset(self, queryset: VideoQuerySet) -> QuerySet[Any]:
        """Return videos; or the matches of one keyword, if their index suffices for the conditions and the order."""
        entries, conditions, search = self.entries(), self.conditions(), self.form.cleaned_data.get("search")
        hidden, matched_in = self.wants_hidden(), self.form.cleaned_data.get("matched_in")
        ordering, value = self.filters["ordering"], self.form.cleaned_data["ordering"]
        by = (value or ordering.default).removeprefix("-")
        if len(entries) == 1 and by == "published_at" and conditions.keys() <= {by} and not search:
            matches = entries[0].matches.filter(**terms(conditions))
            if matched_in:
                matches = matches.filter(matched_in=matched_in)
            return ordering.filter(matches if hidden is None else matches.filter(hidden=hidden), value)  # type: ignore[no-any-return]
        if search:
            queryset = queryset.search(search)
        chosen = {"hidden": hidden, "matched_in": matched_in, "searched": bool(search)}
        videos = meeting(queryset, conditions, entries, by, **chosen)
        return ordering.filter(videos, value)  # type: ignore[no-any-return]


class VideoFilters(KeywordVideoFilters):
    """All videos, or those of several keywords."""

    keyword = Keywords("Only videos of this keyword, in any case and spacing; several: of any of them.")
    keyword_id = KeywordIds(
        "Only videos of the keyword with this id; several: of any of them.", minimum=1, maximum=MAX_ID
    )


# Exports continue after the last row that was read, so its place in the order must not change.
BY_DATE = Ordering({name: name for name in cursors.FIELDS}, default="-published_at", pk="video_id")


class KeywordExportFilters(KeywordVideoFilters):
    ordering = BY_DATE


class ExportFilters(VideoFilters):
    ordering = BY_DATE


class LogFilters(Filters):
    """The fetch logs. Those of a deleted keyword remain, so a keyword without any is no error."""

    keyword = KeywordText(
        "Only this keyword's, in any case and spacing, even if it has been deleted. "
        "A number that is not a keyword is taken for an id."
    )
    keyword_id = WholeNumber("Only those of the keyword with this id.", "keyword", minimum=1, maximum=MAX_ID)
    status = OneOf("How it ended.", choices=VideoLog.Status.values)
    error = Flag("Whether there was an error.", "error")
    trigger = OneOf("What started it.", choices=VideoLog.Trigger.values)
    method = OneOf("The source that answered.", choices=VideoFetchMethod.values)
    created_after = Moment("Begun at this time or later.", "created_at", "gte")
    created_before = Moment("Begun before this time.", "created_at", "lt")

    def filter_queryset(self, queryset: VideoLogQuerySet) -> VideoLogQuerySet:
        logs: VideoLogQuerySet = super().filter_queryset(queryset)
        text = self.form.cleaned_data.get("keyword")
        if not text:
            return logs
        of_deleted = logs.filter(keyword=None)
        if entry := KeyWordEntry.objects.find(text):
            own, of_deleted = logs.filter(keyword=entry), of_deleted.filter(keyword_text=entry.keyword)
            if not of_deleted.exists():
                return own
            if connections[logs.db].vendor == "sqlite":
                # It would sort all rows of an OR, and merges those of a UNION, which indexes give in the list's order.
                return own.order_by().union(of_deleted.order_by(), all=True).newest_first()
            return own | of_deleted
        if re.fullmatch("[0-9]{1,18}", text) and KeyWordEntry.objects.filter(pk=text).exists():
            return logs.filter(keyword=int(text))
        return of_deleted.filter(keyword_text=text)


class KeywordFilters(Filters):
    """The keywords; there are 10,000 at most, so these need no index."""

    search = SearchText("Part of the keyword.", method="find")
    state = OneOf(
        "Whether it is watched or paused; of those watched `failing`: the last fetch failed; `waiting`: it waits for "
        "searches.",
        choices=[*KeyWordEntry.CHOSEN, "failing", "waiting"],
        method="in_state",
    )
    ordering = Ordering(
        {
            "keyword": "normalized",
            "created_at": "created_at",
            "video_count": "video_count",
            "last_found_at": "last_found_at",
            "last_fetched_at": "last_fetched_at",
            # As KeyWordEntry.next_fetch_at, which the API shows.
            "next_due_at": Case(When(state=KeyWordEntry.State.WATCHED, then=F("next_due_at"))),
            "planned_interval": "planned_interval",
            "rate": "rate",
        },
        default="keyword",
        pk="pk",
        nullable=["last_found_at", "last_fetched_at", "next_due_at", "planned_interval"],
    )

    def in_state(self, queryset: KeyWordEntryQuerySet, name: str, value: str) -> KeyWordEntryQuerySet:
        match value:
            case "failing":
                return queryset.failing()
            case "waiting":
                return queryset.waiting(pauses.present(pauses.current()))
            case state:
                return queryset.filter(state=state)

    def find(self, queryset: KeyWordEntryQuerySet, name: str, value: str) -> KeyWordEntryQuerySet:
        return queryset.containing(value)


class FilterBackend(django_filters.DjangoFilterBackend):  # type: ignore[misc]
    """Apply the view's `filterset_class` to its list."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: APIView) -> QuerySet[Any]:
        filters = self.get_filterset(request, queryset, view)
        return queryset if filters is None else filters.rows()


class KnownParameters(APIView):
    """A view that refuses parameters which it does not have, and empty or repeated values of those it has."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if not hasattr(self, str(request.method).lower()):
            return  # a 405, with any parameters
        filters = self._filters()
        pages = {parameter["name"] for parameter in self._parameters_of_pages()}
        known = sorted(filters.keys() | pages | self.own_parameters())
        errors = {}
        for name, values in request.query_params.lists():
            if name not in {*known, "format"}:
                errors[name] = ErrorDetail(f"Unknown parameter. {there_are(known)}", "unknown")
            elif name in known and name not in ("search", "cursor") and "" in values:
                errors[name] = ErrorDetail(BLANK, "blank")
            elif len(values) > 1 and not isinstance(filters.get(name), Several):
                errors[name] = ErrorDetail("Must be given once.", "repeated")
        if errors:
            raise ValidationError(errors)

    def own_parameters(self) -> set[str]:
        """Return the parameters that the view checks itself."""
        return set()

    def _is_list(self) -> bool:
        return hasattr(self, "paginator") and getattr(self, "action", "list") == "list"

    def _filters(self) -> Mapping[str, django_filters.Filter]:
        return getattr(self, "filterset_class", Filters).base_filters if self._is_list() else {}

    def _parameters_of_pages(self) -> Any:
        pages = getattr(self, "paginator", None)
        return pages.get_schema_operation_parameters(self) if pages and self._is_list() else []
