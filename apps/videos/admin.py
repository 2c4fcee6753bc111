from contextlib import suppress
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import pluralize
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)

from apps.incidents.admin import ReadOnlyAdmin
from apps.videos.fetching.manual import fetch_now
from apps.videos.models import ApiToken, KeyWordEntry, KeyWordEntryQuerySet, Match, SearchGap, Video, VideoLog
from apps.videos.pagination import ShortCountPaginator


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

    def get_readonly_fields(self, request: HttpRequest, obj: ApiToken | None = None) -> list[str]:
        return ["user"] if obj else []

    def save_model(self, request: HttpRequest, obj: ApiToken, form: Any, change: bool) -> None:
        if change:
            return super().save_model(request, obj, form, change)
        saved, token = ApiToken.objects.create(**form.cleaned_data)
        obj.pk, obj.token_key = saved.pk, saved.token_key
        self.message_user(request, f"The token is {token}. Copy it now: it is not shown again.")


class KeywordForm(forms.ModelForm):
    """A keyword. Addresses contain passwords: they can be replaced, not read."""

    class Meta:
        model = KeyWordEntry
        fields = "__all__"  # noqa: DJ007  # the admin chooses them
        widgets = {
            name: forms.PasswordInput(attrs={"class": "vTextField", "autocomplete": "new-password"})
            for name in ("notify_urls", "notify_webhook")
        }

    def clean_notify_urls(self) -> str:
        return str(self.cleaned_data["notify_urls"] or self.instance.notify_urls)

    def clean_notify_webhook(self) -> str:
        return str(self.cleaned_data["notify_webhook"] or self.instance.notify_webhook)


@admin.register(KeyWordEntry)
class KeyWordEntryAdmin(admin.ModelAdmin):
    form = KeywordForm
    list_display = [
        "keyword",
        "state",
        "interval",
        "planned_interval",
        "video_count",
        "last_fetched_at",
        "next_due_at",
    ]
    list_filter = ["state"]
    search_fields = ["normalized"]
    readonly_fields = [
        "notified",
        "planned_interval",
        "video_count",
        "last_fetched_at",
        "next_due_at",
        "searched_through",
        "bad_query",
        "refused_since",
        "created_at",
    ]
    fields = ["keyword", "state", "interval", "weight", "notify", "notify_urls", "notify_webhook", *readonly_fields]
    actions = ["pause", "resume", "fetch", "remove_addresses"]

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
        "title",
        "channel_title",
        "published_at",
        "published_exact",
        "keyword",
        "method",
        "live_state",
        "starts_at",
        "created_at",
    ]
    list_filter = ["method", "live_state", ("published_exact", ComparedBoolean)]
    list_select_related = ["keyword"]
    sortable_by = ("published_at", "created_at")
    search_fields = ["title"]
    search_help_text = "Words of titles, descriptions and channels, or a video id."
    ordering = ["-published_at", "-video_id"]

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        by_id = queryset.filter(pk=search_term.strip())
        return (by_id if by_id.exists() else queryset.search(search_term)), False


@admin.register(Match)
class MatchAdmin(BigTableAdmin):
    list_display = ["video", "keyword", "method", "published_at", "created_at"]
    list_select_related = ["keyword", "video"]
    search_fields = ["video_id"]
    search_help_text = "A video id."
    sortable_by = ()
    ordering = ["-id"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Match], search_term: str
    ) -> tuple[QuerySet[Match], bool]:
        return queryset.filter(video=search_term) if search_term else queryset, False


@admin.register(SearchGap)
class SearchGapAdmin(BigTableAdmin):
    list_display = ["keyword", "after", "before", "late"]
    list_select_related = ["keyword"]


@admin.register(VideoLog)
class VideoLogAdmin(BigTableAdmin):
    list_display = [
        "created_at",
        "keyword_text",
        "trigger",
        "status",
        "error",
        "method",
        "number_found",
        "number_added",
        "searches",
        "duration",
        "message",
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
