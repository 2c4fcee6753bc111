from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.core.exceptions import ValidationError
from django.db.models import F, Q, QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import pluralize, truncatechars
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)

from apps.incidents.admin import ReadOnlyAdmin
from apps.videos import bulk, hiding
from apps.videos.fetching.manual import fetch_now
from apps.videos.models import (
    ApiToken,
    HidingRule,
    KeyWordEntry,
    KeyWordEntryQuerySet,
    Match,
    SearchGap,
    Video,
    VideoLog,
)
from apps.videos.pagination import ShortCountPaginator

# Longer texts, as of titles and messages, are cut in lists.
SHOWN = 120


def shortened(text: object) -> str:
    return truncatechars(str(text), SHOWN)


def minute(when: datetime | None) -> str:
    return f"{when:%Y-%m-%d %H:%M} UTC" if when else "-"


def link_to(model: str, pk: Any, text: Any) -> SafeString | str:
    """Return a link to the page of a row; without `pk` only the text."""
    return format_html('<a href="{}">{}</a>', reverse(f"admin:videos_{model}_change", args=[pk]), text) if pk else text


def link_to_list(model: str, entry: KeyWordEntry, text: Any) -> SafeString:
    """Return a link to the rows of a keyword."""
    address = reverse(f"admin:videos_{model}_changelist")
    return format_html('<a href="{}?keyword__id__exact={}">{}</a>', address, entry.pk, text)


class BigTableAdmin(ReadOnlyAdmin):
    """Tables that grow to millions of rows, written only by fetches.

    Let `sortable_by` name only columns that have an index: others would be sorted for each page.
    """

    paginator = ShortCountPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50


class ComparedBoolean(admin.BooleanFieldListFilter):
    """A filter by a boolean that has an index: SQLite uses it for `IN (1)`, not for the column as a condition."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.lookup_val
        return queryset if chosen is None else queryset.filter(**{f"{self.field_path}__in": [chosen == "1"]})


class StoredStates(admin.ChoicesFieldListFilter):
    """A filter by the states of keywords that the admin shows: all but those that are being deleted."""

    def choices(self, changelist: Any) -> Any:
        hidden = KeyWordEntry.State.DELETING.label
        return (choice for choice in super().choices(changelist) if choice["display"] != hidden)


# Beat's rows mirror the keywords: a change there would be undone by the next sync.
for model in (PeriodicTask, IntervalSchedule, CrontabSchedule, SolarSchedule, ClockedSchedule):
    admin.site.unregister(model)


@admin.register(PeriodicTask)
class PeriodicTaskAdmin(ReadOnlyAdmin):
    list_display = ["name", "task", "interval", "enabled", "last_run_at", "total_run_count"]
    list_select_related = ["interval"]
    search_fields = ["name"]


@admin.register(ApiToken)
class ApiTokenAdmin(admin.ModelAdmin):
    list_display = ["name", "prefix", "user", "access", "created", "used_at"]
    list_filter = ["access"]
    list_select_related = ["user"]
    search_fields = ["name", "token_key", "user__username"]
    fields = ["name", "user", "access"]

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return not lookup.startswith("digest") and super().lookup_allowed(lookup, value, request)

    def get_readonly_fields(self, request: HttpRequest, obj: ApiToken | None = None) -> list[str]:
        return ["user"] if obj else []

    def save_model(self, request: HttpRequest, obj: ApiToken, form: Any, change: bool) -> None:
        if change:
            return super().save_model(request, obj, form, change)
        saved, token = ApiToken.objects.create(**form.cleaned_data)
        obj.pk, obj.token_key = saved.pk, saved.token_key
        self.message_user(request, f"The token is {token}. Copy it now: it is not shown again.")


# Columns with passwords. They can be replaced, not read, and not be guessed letter by letter by filtering.
ADDRESSES = ("notify_urls", "notify_webhook")


class KeywordForm(forms.ModelForm):
    """A keyword. What is stored in ADDRESSES is not shown."""

    class Meta:
        model = KeyWordEntry
        fields = "__all__"  # noqa: DJ007  # the admin chooses them
        widgets = {
            name: forms.PasswordInput(attrs={"class": "vTextField", "autocomplete": "new-password"})
            for name in ADDRESSES
        }

    def clean_notify_urls(self) -> str:
        return str(self.cleaned_data["notify_urls"] or self.instance.notify_urls)

    def clean_notify_webhook(self) -> str:
        return str(self.cleaned_data["notify_webhook"] or self.instance.notify_webhook)


class KeywordActionForm(ActionForm):
    # Checked by the action that uses it.
    interval = forms.CharField(
        required=False,
        label="Interval",
        widget=forms.NumberInput(attrs={"placeholder": "seconds", "title": "For the action that sets the interval"}),
    )


@admin.register(KeyWordEntry)
class KeyWordEntryAdmin(admin.ModelAdmin):
    form = KeywordForm
    action_form = KeywordActionForm
    list_display = [
        "keyword",
        "state",
        "interval",
        "every",
        "weight",
        "videos",
        "last_fetch",
        "next_fetch",
    ]
    list_filter = [("state", StoredStates), ("interval", admin.EmptyFieldListFilter), "notify"]
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50
    search_fields = ["normalized"]
    search_help_text = "A part of a keyword, in any spelling."
    readonly_fields = [
        "notified",
        "every",
        "videos",
        "last_fetch",
        "gaps",
        "next_fetch",
        "searched_through",
        "bad_query",
        "refused_since",
        "created_at",
    ]
    fields = ["keyword", "state", "interval", "weight", "notify", *ADDRESSES, *readonly_fields]
    actions = ["fetch", "pause", "resume", "set_interval", "remove_addresses"]

    def get_search_results(
        self, request: HttpRequest, queryset: Any, search_term: str
    ) -> tuple[KeyWordEntryQuerySet, bool]:
        return queryset.containing(search_term), False

    def get_fields(self, request: HttpRequest, obj: KeyWordEntry | None = None) -> list[Any]:
        # Who may not change them would get their values, as of all fields, not the form.
        may_change = self.has_change_permission(request, obj) if obj else self.has_add_permission(request)
        return [name for name in super().get_fields(request, obj) if may_change or name not in ADDRESSES]

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return not lookup.startswith(ADDRESSES) and super().lookup_allowed(lookup, value, request)

    def view_on_site(self, entry: KeyWordEntry) -> str:
        return reverse("keyword", args=[entry.pk])

    def formfield_for_choice_field(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "state":
            kwargs["choices"] = [(s, s.label) for s in KeyWordEntry.CHOSEN]
        return super().formfield_for_choice_field(db_field, request, **kwargs)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Show the number of videos that are deleted with the keywords, not a list of half a million."""
        lines = [
            f"{entry} with its {number} video{pluralize(number)}, except those that other keywords found"
            for entry in objs
            for number in [entry.video_count]
        ]
        return lines, {"keywords": len(lines)}, set(), []

    @admin.display(ordering=F("planned_interval").asc(nulls_last=True), description="planned interval")
    def every(self, entry: KeyWordEntry) -> timedelta | str:
        if entry.state != KeyWordEntry.State.WATCHED:
            return "-"
        return timedelta(seconds=entry.planned_interval) if entry.planned_interval else "not planned yet"

    @admin.display(ordering="video_count")
    def videos(self, entry: KeyWordEntry) -> SafeString:
        return link_to_list("match", entry, f"{entry.video_count:,}")

    @admin.display(ordering="last_fetched_at")
    def last_fetch(self, entry: KeyWordEntry) -> SafeString:
        return link_to_list("videolog", entry, minute(entry.last_fetched_at))

    @admin.display(ordering="next_due_at")
    def next_fetch(self, entry: KeyWordEntry) -> datetime | None:
        return entry.next_fetch_at

    @admin.display
    def gaps(self, entry: KeyWordEntry) -> SafeString:
        return link_to_list("searchgap", entry, entry.gaps.count())

    @admin.action(description="Pause selected keywords", permissions=["change"])
    def pause(self, request: HttpRequest, queryset: KeyWordEntryQuerySet) -> None:
        queryset.set_state(KeyWordEntry.State.PAUSED)
        self.message_user(request, f"Paused {len(queryset)} keyword{pluralize(queryset)}.")

    @admin.action(description="Resume selected keywords", permissions=["change"])
    def resume(self, request: HttpRequest, queryset: KeyWordEntryQuerySet) -> None:
        queryset.set_state(KeyWordEntry.State.WATCHED)
        self.message_user(request, f"Resumed {len(queryset)} keyword{pluralize(queryset)}.")

    @admin.action(description="Fetch selected keywords now", permissions=["change"])
    def fetch(self, request: HttpRequest, queryset: QuerySet[KeyWordEntry]) -> None:
        for entry in queryset:
            with suppress(KeyWordEntry.DoesNotExist):
                fetch_now(entry)
        self.message_user(request, f"Fetching {len(queryset)} keyword{pluralize(queryset)}.")

    @admin.action(description="Set the interval of selected keywords", permissions=["change"])
    def set_interval(self, request: HttpRequest, queryset: KeyWordEntryQuerySet) -> None:
        text = request.POST.get("interval", "").strip()
        try:
            interval = KeyWordEntry._meta.get_field("interval").clean(text or None, None)
        except ValidationError as error:
            self.message_user(request, f"Interval: {' '.join(error.messages)}", messages.ERROR)
            return
        bulk.change(queryset, "interval", interval)
        chosen = "the default interval" if interval is None else f"an interval of {interval:,} s"
        self.message_user(request, f"{len(queryset)} keyword{pluralize(queryset)} now with {chosen}.")

    @admin.action(description="Remove the addresses of selected keywords", permissions=["change"])
    def remove_addresses(self, request: HttpRequest, queryset: QuerySet[KeyWordEntry]) -> None:
        queryset.update(notify_urls="", notify_webhook="")
        self.message_user(request, f"Removed the addresses of {len(queryset)} keyword{pluralize(queryset)}.")

    @admin.display(description="Notified")
    def notified(self, entry: KeyWordEntry) -> str:
        return ", ".join(entry.notified) or "No one"


@admin.register(Video)
class VideoAdmin(BigTableAdmin):
    list_display = [
        "short_title",
        "channel_title",
        "published",
        "first_keyword",
        "live_state",
        "created_at",
        "watch",
    ]
    list_filter = ["method", "live_state", ("published_exact", ComparedBoolean)]
    list_select_related = ["keyword"]
    sortable_by = ("published", "created_at")
    search_fields = ["title"]
    search_help_text = "Words of titles, descriptions and channels, or a video id."
    ordering = ["-published_at", "-video_id"]

    readonly_fields = ["watch", "found_by"]

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        by_id = queryset.filter(pk=search_term.strip())
        return (by_id if by_id.exists() else queryset.search(search_term)), False

    @admin.display(description="title")
    def short_title(self, video: Video) -> str:
        return shortened(video)

    @admin.display(ordering="published_at", description="published at")
    def published(self, video: Video) -> str:
        return f"{'' if video.published_exact else 'about '}{minute(video.published_at)}"

    @admin.display(description="first found by")
    def first_keyword(self, video: Video) -> SafeString | str:
        return link_to("keywordentry", video.keyword_id, shortened(video.keyword or "-"))

    @admin.display
    def found_by(self, video: Video) -> SafeString | str:
        matches = video.matches.select_related("keyword").order_by("created_at", "pk")
        links = [(link_to("keywordentry", match.keyword_id, match.keyword),) for match in matches]
        return format_html_join(", ", "{}", links) or "-"

    @admin.display
    def watch(self, video: Video) -> SafeString:
        return format_html('<a href="{}" rel="noopener">YouTube</a>', video.watch_url)


@admin.register(Match)
class MatchAdmin(BigTableAdmin):
    list_display = ["video_title", "keyword_link", "method", "published_at", "created_at"]
    list_select_related = ["keyword", "video"]
    list_display_links = None
    search_fields = ["video_id"]
    search_help_text = "A video id."
    sortable_by = ()
    ordering = ["-id"]

    def get_ordering(self, request: HttpRequest) -> Any:
        # A keyword's matches in the order of an index: it may have half a million.
        chosen = "keyword__id__exact" in request.GET
        return ["keyword_id", "-published_at", "-video_id"] if chosen else super().get_ordering(request)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Match], search_term: str
    ) -> tuple[QuerySet[Match], bool]:
        return queryset.filter(video=search_term) if search_term else queryset, False

    @admin.display(description="video")
    def video_title(self, match: Match) -> SafeString | str:
        return link_to("video", match.video_id, shortened(match.video))

    @admin.display(description="keyword")
    def keyword_link(self, match: Match) -> SafeString | str:
        return link_to("keywordentry", match.keyword_id, shortened(match.keyword))


@admin.register(HidingRule)
class HidingRuleAdmin(ReadOnlyAdmin):
    """Deleting a rule shows again what only it hid; until that is done it stays in the list."""

    list_display = ["__str__", "keyword", "kind", "value", "created_at", "applied_at", "deleted_at"]
    list_filter = ["kind"]
    list_select_related = ["keyword"]

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return admin.ModelAdmin.has_delete_permission(self, request, obj)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        return [str(rule) for rule in objs], {"rules": len(objs)}, set(), []

    def delete_model(self, request: HttpRequest, obj: HidingRule) -> None:
        hiding.delete(HidingRule.objects.filter(pk=obj.pk))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[HidingRule]) -> None:
        hiding.delete(queryset)


@admin.register(SearchGap)
class SearchGapAdmin(BigTableAdmin):
    list_display = ["after", "before", "late", "keyword_link"]
    list_select_related = ["keyword"]
    list_filter = ["late"]

    @admin.display(description="keyword")
    def keyword_link(self, gap: SearchGap) -> SafeString | str:
        return link_to("keywordentry", gap.keyword_id, shortened(gap.keyword))


@admin.register(VideoLog)
class VideoLogAdmin(BigTableAdmin):
    list_display = [
        "created_at",
        "keyword_link",
        "trigger",
        "status",
        "method",
        "found",
        "added",
        "searches",
        "seconds",
        "short_message",
    ]
    list_filter = ["status", ("error", ComparedBoolean), "method", "trigger"]
    search_fields = ["keyword_text"]
    search_help_text = "A keyword in any spelling, or an error code."
    sortable_by = ("created_at",)
    ordering = ["-created_at", "-id"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[VideoLog], search_term: str
    ) -> tuple[QuerySet[VideoLog], bool]:
        if not search_term:
            return queryset, False
        if entry := KeyWordEntry.objects.find(search_term):
            return queryset.filter(keyword=entry), False
        of_deleted = Q(keyword=None, keyword_text=search_term)
        return queryset.filter(of_deleted | Q(error__in=[True], error_code=search_term)), False

    @admin.display(description="keyword")
    def keyword_link(self, log: VideoLog) -> SafeString | str:
        return link_to("keywordentry", log.keyword_id, shortened(log.keyword_text))

    @admin.display
    def found(self, log: VideoLog) -> int:
        return log.number_found

    @admin.display
    def added(self, log: VideoLog) -> int:
        return log.number_added

    @admin.display
    def seconds(self, log: VideoLog) -> str:
        return "-" if log.duration is None else f"{log.duration:.1f}"

    @admin.display(description="message")
    def short_message(self, log: VideoLog) -> str:
        return shortened(log.message)
