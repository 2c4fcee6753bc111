"""The REST API over what is watched, found and logged."""

from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import DatabaseError, connection
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.fields import get_error_detail
from rest_framework.generics import GenericAPIView, get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.videos import bulk, hiding, marks, statistics
from apps.videos.conditional import conditional
from apps.videos.errors import DETAILS, Unavailable, there_are
from apps.videos.exports import CONTENT_TYPES, export
from apps.videos.feeds import FeedPages, atom
from apps.videos.fetching import manual
from apps.videos.fields import refuse_unknown_fields
from apps.videos.filters import (
    ExportFilters,
    FilterBackend,
    KeywordExportFilters,
    KeywordFilters,
    KeywordVideoFilters,
    KnownParameters,
    LogFilters,
    VideoFilters,
    find_keywords,
)
from apps.videos.models import HidingRule, KeyWordEntry, Video, VideoLog, VideoTotal
from apps.videos.pagination import Pages, VideoPages
from apps.videos.renderers import OneFormat
from apps.videos.scheduling import report
from apps.videos.scheduling.report import DAYS
from apps.videos.serializers import (
    AddedKeywordsSerializer,
    AffectedSerializer,
    KeywordItemsSerializer,
    KeywordSerializer,
    MarkedSerializer,
    MarksOfManySerializer,
    MarksSerializer,
    NewRuleSerializer,
    PingSerializer,
    PreviewedSerializer,
    PreviewSerializer,
    QuotaSerializer,
    RuleSerializer,
    StatisticsSerializer,
    VideoLogSerializer,
    VideoSerializer,
    rows_of,
)
from apps.videos.statistics import PERIODS
from apps.videos.throttles import Previews, Writes

# The number of videos that a preview shows.
PREVIEW_VIDEOS = 10


def page_of_videos(request: Request, filters: KeywordVideoFilters) -> HttpResponseBase:
    """Return a page of the videos that the filters choose; those of one keyword, or all, are not counted.

    Three queries without other filters; one if the client has this page already.
    """
    filters.check()

    def build() -> Response:
        pages = VideoPages(rows_of(filters))
        return pages.get_paginated_response(pages.paginate_queryset(filters.rows(), request, **filters.counted()))

    return conditional(request, filters.changed_at(), build)


DAYS_PARAMETER = OpenApiParameter(
    "days", OpenApiTypes.INT, enum=PERIODS, default=DAYS, description="How many days back, including today."
)


def requested_days(request: Request) -> int:
    """Return how many days of statistics are requested."""
    given = request.query_params.get("days", str(DAYS))
    if given not in map(str, PERIODS):
        raise ValidationError({"days": f"Must be one of {', '.join(map(str, PERIODS))}."})
    return int(given)


class KeywordVideos(KnownParameters, GenericAPIView[Any]):
    """One keyword's videos, newest first."""

    serializer_class = VideoSerializer
    pagination_class = VideoPages
    filter_backends = [FilterBackend]
    filterset_class = KeywordVideoFilters
    queryset = Video.objects.none()

    @extend_schema(
        operation_id="list_keyword_videos",
        summary="List the videos of one keyword",
        tags=["videos"],
        responses={
            200: VideoSerializer(many=True),
            302: OpenApiResponse(
                description="A part of the keyword is `.` or `..`, which clients remove from a path: "
                "the same list of `/api/videos/`."
            ),
        },
    )
    def get(self, request: Request, keyword: str) -> HttpResponseBase:
        if {".", ".."} & set(keyword.split("/")):
            # HTTP clients remove such a path segment, even from the links to other pages.
            parameters = request.query_params.copy()
            parameters["keyword"] = keyword
            redirect = HttpResponseRedirect(reverse("video-list"))
            # Added afterwards: Django refuses long addresses, and a keyword may have 6,000 bytes.
            redirect["Location"] += f"?{parameters.urlencode()}"
            return redirect
        (entry,) = find_keywords([keyword])
        return page_of_videos(request, KeywordVideoFilters(request.query_params, Video.objects.all(), entry=entry))


@extend_schema_view(
    retrieve=extend_schema(operation_id="get_video", summary="Show one video", description="What is known about it."),
)
class VideoViewSet(KnownParameters, viewsets.GenericViewSet[Video]):
    """All videos, newest first."""

    serializer_class = VideoSerializer
    pagination_class = VideoPages
    filter_backends = [FilterBackend]
    filterset_class = VideoFilters
    queryset = Video.objects.select_related("keyword").with_matched_in()
    not_found = "No video has this id."
    lookup_value_regex = "[^/]+"

    def filter_queryset(self, queryset: Any) -> Any:
        return queryset  # a single video is shown even if lists leave it out; they filter by themselves

    @extend_schema(
        operation_id="list_videos",
        summary="List videos",
        description="All videos, newest first, or those of one or several keywords.",
        responses=VideoSerializer(many=True),
    )
    def list(self, request: Request) -> HttpResponseBase:
        return page_of_videos(request, VideoFilters(request.query_params, Video.objects.all()))

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        changed_at = VideoTotal.read().changed_at
        return conditional(request, changed_at, lambda: Response(self.get_serializer(self.get_object()).data))

    @extend_schema(
        operation_id="change_video",
        summary="Mark a video",
        description='`{"seen": true}` marks it as seen, `{"hidden": false}` shows it again in lists.',
        request=MarksSerializer,
        responses=VideoSerializer,
    )
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        video = self.get_object()
        marks.mark([video.pk], **_marks(MarksSerializer(data=request.data)))
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(
        operation_id="change_videos",
        summary="Mark several videos",
        request=MarksOfManySerializer,
        responses=MarkedSerializer,
    )
    @action(detail=False, methods=["post"], url_path="marks")
    def mark_several(self, request: Request) -> Response:
        """Mark up to 1,000 videos as seen, starred or hidden, or clear these marks. Unknown ids are ignored."""
        chosen = _marks(MarksOfManySerializer(data=request.data))
        return Response({"changed": marks.mark(chosen.pop("video_ids"), **chosen)})


def _marks(asked: MarksSerializer) -> dict[str, Any]:
    asked.is_valid(raise_exception=True)
    return dict(asked.validated_data)


class ChosenVideos(KnownParameters, GenericAPIView[Any]):
    """What filters choose from all videos or, if its id is in the address, from those of a keyword."""

    content_negotiation_class = OneFormat
    filter_backends = [FilterBackend]
    filterset_class: type[KeywordVideoFilters]
    queryset = KeyWordEntry.objects.with_videos_changed_at()
    not_found = "No keyword has this id."

    def chosen(self, request: Request, pk: str | None) -> KeywordVideoFilters:
        entry = get_object_or_404(self.get_queryset(), pk=pk) if pk else None
        filters = self.filterset_class(request.query_params, Video.objects.all(), entry=entry)
        filters.check()
        return filters


@extend_schema_view(
    get=extend_schema(
        operation_id="get_video_feed",
        summary="Subscribe to videos",
        description="The first videos of the list as an Atom feed, with its filters and orders.",
        tags=["videos"],
        filters=True,
        parameters=[OpenApiParameter("page_size", int, description=FeedPages.page_size_query_description)],
        responses={(200, "application/atom+xml"): OpenApiTypes.STR},
    )
)
class VideoFeed(ChosenVideos):
    """The newest videos as an Atom feed."""

    pagination_class = FeedPages
    filterset_class = VideoFilters

    def get(self, request: Request, pk: str | None = None, token: str = "") -> HttpResponseBase:
        filters = self.chosen(request, pk)
        changed_at = filters.changed_at()

        def build() -> HttpResponse:
            return atom(request, FeedPages().paginate_queryset(filters.rows(), request), filters.entry, changed_at)

        return conditional(request, changed_at, build)


@extend_schema_view(
    get=extend_schema(
        operation_id="get_keyword_feed",
        summary="Subscribe to the videos of one keyword",
        tags=["videos"],
    )
)
class KeywordFeed(VideoFeed):
    """The newest videos of one keyword as an Atom feed."""

    filterset_class = KeywordVideoFilters


@extend_schema_view(
    get=extend_schema(
        operation_id="get_video_export",
        summary="Export videos",
        description="All videos that the filters choose as a file. `csv`: for spreadsheets; cells that they could take "
        "for formulas begin with an apostrophe. `jsonl`: one JSON object per line, as the list has them. `txt`: a "
        "description of the export, how its videos were found, and what may be missing.",
        tags=["videos"],
        filters=True,
        parameters=[OpenApiParameter("type", str, OpenApiParameter.PATH, enum=list(CONTENT_TYPES))],
        responses={(200, content_type.partition(";")[0]): OpenApiTypes.STR for content_type in CONTENT_TYPES.values()},
    )
)
class VideoExport(ChosenVideos):
    """All videos as a file."""

    filterset_class = ExportFilters

    def get(self, request: Request, type: str, pk: str | None = None) -> HttpResponseBase:
        return export(request, self.chosen(request, pk), type)


@extend_schema_view(
    get=extend_schema(
        operation_id="get_keyword_export",
        summary="Export the videos of one keyword",
        tags=["videos"],
    )
)
class KeywordExport(VideoExport):
    """All videos of one keyword as a file."""

    filterset_class = KeywordExportFilters


@extend_schema_view(
    list=extend_schema(
        operation_id="list_keywords", summary="List keywords", description="Each with the plan of its searches."
    ),
    retrieve=extend_schema(
        operation_id="get_keyword", summary="Show one keyword", description="With the plan of its searches."
    ),
    update=extend_schema(
        operation_id="update_keyword",
        summary="Update a keyword",
        description="As PATCH, but `keyword` is required. Fields that are left out keep their values.",
    ),
    partial_update=extend_schema(
        operation_id="change_keyword",
        summary="Change a keyword",
        description='`{"state": "paused"}` pauses it, `{"interval": null}` returns to the default interval. Only the '
        "spelling of a keyword may change; another word is another keyword.",
    ),
    destroy=extend_schema(
        operation_id="delete_keyword",
        summary="Delete a keyword",
        description="Its videos are deleted, except those that other keywords found.",
    ),
)
class KeywordViewSet(KnownParameters, viewsets.ModelViewSet[KeyWordEntry]):
    """The keywords. Deleting one deletes its videos, except those that other keywords found.

    The list has those that were added. Addresses with an id, also those below it, are of previewed ones, too.
    """

    serializer_class = KeywordSerializer
    pagination_class = Pages
    filter_backends = [FilterBackend]
    filterset_class = KeywordFilters
    queryset = KeyWordEntry.objects.with_sharing().prefetch_related("gaps")
    not_found = "No keyword has this id."
    lookup_value_regex = "[0-9]{1,18}"

    def get_queryset(self) -> QuerySet[KeyWordEntry]:
        entries: Any = super().get_queryset()
        return entries.kept() if self.action == "list" else entries  # type: ignore[no-any-return]

    def handle_exception(self, exc: Exception) -> Response:
        # Deleted by another request after it was looked up.
        is_deleted = isinstance(exc, KeyWordEntry.DoesNotExist)
        return super().handle_exception(NotFound("This keyword has been deleted.") if is_deleted else exc)

    @extend_schema(
        operation_id="add_keyword",
        summary="Add a keyword",
        responses={
            200: OpenApiResponse(KeywordSerializer, description="It exists, perhaps in another spelling."),
            201: OpenApiResponse(KeywordSerializer, description="It has been added."),
        },
    )
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Watch a keyword. If the keyword exists (ignoring case and spacing), it is returned with status 200."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        chosen = dict(serializer.validated_data)
        entry, is_new = KeyWordEntry.objects.watch(chosen.pop("keyword"), **chosen)
        entry.refresh_from_db()  # it has been planned
        answer = self.get_serializer(entry).data
        return Response(answer, status=status.HTTP_201_CREATED if is_new else status.HTTP_200_OK)

    @extend_schema(
        operation_id="add_keywords",
        summary="Add many keywords",
        request=KeywordItemsSerializer,
        responses=AddedKeywordsSerializer,
    )
    @action(detail=False, methods=["post"], url_path="bulk")
    def add_many(self, request: Request) -> Response:
        """Watch up to 1,000 keywords, with one plan for all.

        Each is new, known or refused, and the others are added if some are refused. A keyword that exists keeps its
        values.
        """
        asked = KeywordItemsSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        items = [bulk.Item(chosen.pop("keyword"), chosen) for chosen in map(dict, asked.validated_data["keywords"])]
        bulk.add(items)
        answer: dict[str, Any] = bulk.count(items)
        return Response(AddedKeywordsSerializer(answer | {"results": items}).data)

    @extend_schema(
        operation_id="fetch_keyword", summary="Fetch a keyword now", request=None, responses={202: VideoLogSerializer}
    )
    @action(detail=True, methods=["post"])
    def fetch(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Fetch now. The response is the log that will contain the result."""
        refuse_unknown_fields(request.data, [])
        log = manual.fetch_now(self.get_object())
        return Response(VideoLogSerializer(log).data, status=status.HTTP_202_ACCEPTED)

    @extend_schema(
        operation_id="get_keyword_statistics",
        summary="Show a keyword's statistics",
        description="Of the videos that it found, also those that another keyword had found before.",
        parameters=[DAYS_PARAMETER],
        responses=StatisticsSerializer,
    )
    @action(detail=True)
    def stats(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        entry, days = self.get_object(), requested_days(request)
        return Response(StatisticsSerializer(statistics.of_keyword(entry, days)).data)

    def own_parameters(self) -> set[str]:
        return {"days"} if self.action == "stats" else set()

    @extend_schema(
        operation_id="preview_keyword",
        summary="Preview a keyword",
        request=PreviewedSerializer,
        responses={
            200: PreviewSerializer,
            202: OpenApiResponse(
                PreviewSerializer, description="The search is not over: the same request answers its result later."
            ),
        },
    )
    @action(detail=False, methods=["post"], throttle_classes=[Writes, Previews])
    def preview(self, request: Request) -> Response:
        """Search once for a keyword, store what is found, and show it with what watching the keyword would cost.

        Uses one search, unless the keyword was added before, or previewed within the last hour. A keyword that is not
        added within a day is forgotten, with those of its videos that no other keyword found.
        """
        asked = PreviewedSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        entry, log = manual.preview(asked.validated_data["keyword"])
        if log:
            manual.wait_for(log, manual.PREVIEW_SECONDS)
        entry.refresh_from_db()
        newest = entry.matches.filter(hidden=False).newest_first().values_list("video", flat=True)[:PREVIEW_VIDEOS]
        shown = {
            "entry": entry,
            "videos_per_day": manual.videos_per_day(entry),
            "cost": manual.cost_of_watching(entry),
            "log": log,
            "videos": Video.objects.select_related("keyword").with_matched_in().in_order_of(newest),
        }
        answer = PreviewSerializer(shown).data
        return Response(answer, status=status.HTTP_202_ACCEPTED if log and log.is_under_way else status.HTTP_200_OK)


@extend_schema_view(
    list=extend_schema(operation_id="list_logs", summary="List fetch logs", description="Newest first."),
    retrieve=extend_schema(operation_id="get_log", summary="Show one fetch log", description="Also while it runs."),
)
class VideoLogViewSet(
    KnownParameters, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[VideoLog]
):
    """The fetch log, newest first."""

    serializer_class = VideoLogSerializer
    pagination_class = Pages
    filter_backends = [FilterBackend]
    filterset_class = LogFilters
    queryset = VideoLog.objects.newest_first()
    not_found = "No fetch log has this id."
    lookup_value_regex = "[0-9]{1,18}"


def _rule_asked_for(request: Request) -> tuple[str, str, KeyWordEntry | None]:
    asked = NewRuleSerializer(data=request.data)
    asked.is_valid(raise_exception=True)
    values = asked.validated_data
    return values["kind"], values["value"], values["keyword"]


@extend_schema_view(
    list=extend_schema(
        operation_id="list_rules",
        summary="List rules",
        description="The rules that hide videos, oldest first.",
        tags=["videos"],
    ),
    retrieve=extend_schema(
        operation_id="get_rule",
        summary="Show one rule",
        description="`applied_at` is null until it was applied to all stored videos.",
        tags=["videos"],
    ),
)
class RuleViewSet(
    KnownParameters, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[HidingRule]
):
    """Rules that hide videos of a channel, with a word, or shorter than a number of seconds."""

    serializer_class = RuleSerializer
    pagination_class = Pages
    queryset = HidingRule.objects.active()
    not_found = "No rule has this id."
    lookup_value_regex = "[0-9]{1,18}"

    @extend_schema(
        operation_id="add_rule",
        summary="Add a rule",
        tags=["videos"],
        request=NewRuleSerializer,
        responses={
            200: OpenApiResponse(RuleSerializer, description="It exists."),
            201: OpenApiResponse(RuleSerializer, description="It has been added."),
        },
    )
    def create(self, request: Request) -> Response:
        """Hide videos that were found and those that will be. Stored ones are hidden within a minute, or later if they
        are many."""
        try:
            rule, is_new = hiding.add(*_rule_asked_for(request))
        except DjangoValidationError as error:
            raise ValidationError({"value": get_error_detail(error)}) from error
        return Response(RuleSerializer(rule).data, status=status.HTTP_201_CREATED if is_new else status.HTTP_200_OK)

    @extend_schema(operation_id="delete_rule", summary="Delete a rule", tags=["videos"])
    def destroy(self, request: Request, pk: str) -> Response:
        """Show the videos again that only this rule hid."""
        hiding.delete(HidingRule.objects.filter(pk=self.get_object().pk))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        operation_id="preview_rule",
        summary="Preview a rule",
        tags=["videos"],
        request=NewRuleSerializer,
        responses=AffectedSerializer,
    )
    @action(detail=False, methods=["post"])
    def preview(self, request: Request) -> Response:
        """Count the stored videos that a rule would hide, up to 10,000, and change nothing."""
        videos, is_exact = hiding.affected(*_rule_asked_for(request))
        return Response({"videos": videos, "is_exact": is_exact})


class QuotaView(KnownParameters):
    """Today's quota, the plan of searches, and the state of the keys."""

    @extend_schema(operation_id="get_quota", summary="Show the quota", responses=QuotaSerializer)
    def get(self, request: Request) -> Response:
        return Response(QuotaSerializer(report.today()).data)


class StatisticsView(KnownParameters):
    """Of all videos, each as the first keyword found it."""

    @extend_schema(
        operation_id="get_statistics",
        summary="Show statistics",
        tags=["videos"],
        parameters=[DAYS_PARAMETER],
        responses=StatisticsSerializer,
    )
    def get(self, request: Request) -> Response:
        return Response(StatisticsSerializer(statistics.of_all(requested_days(request))).data)

    def own_parameters(self) -> set[str]:
        return {"days"}


def describe_problem(request: HttpRequest, code: str) -> HttpResponseRedirect:
    """Lead from the `type` of a problem to its description."""
    return HttpResponseRedirect(f"{reverse('redoc')}#tag/problems/{code}")


@extend_schema(exclude=True)
class NotFoundView(APIView):
    """Answer unknown addresses below /api/ in JSON."""

    detail = DETAILS[404]

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        raise NotFound(self.detail)

    post = put = patch = delete = options = get


class OtherExport(NotFoundView):
    detail = f"There is no export of this type. {there_are(f'export.{kind}' for kind in CONTENT_TYPES)}"


class OtherFeed(NotFoundView):
    detail = "There is no feed of this type. Feeds are Atom, at feed/ without an ending."


class EndpointsView(KnownParameters):
    """The addresses of all endpoints; a part in braces stands for a value."""

    @extend_schema(
        operation_id="list_endpoints",
        summary="List the endpoints",
        tags=["service"],
        responses={200: {"type": "object", "additionalProperties": {"type": "string"}}},
    )
    def get(self, request: Request) -> Response:
        root = request.build_absolute_uri(reverse("endpoints") + "/")
        below = {
            "keyword_videos": "keyword/{keyword}/videos/",
            "videos": "videos/",
            "video": "videos/{video_id}/",
            "marks": "videos/marks/",
            "video_feed": "videos/feed/",
            "video_export": "videos/export.{type}",
            "keywords": "keywords/",
            "keyword": "keywords/{id}/",
            "add_keywords": "keywords/bulk/",
            "preview": "keywords/preview/",
            "fetch": "keywords/{id}/fetch/",
            "keyword_stats": "keywords/{id}/stats/",
            "stats": "stats/",
            "keyword_feed": "keywords/{id}/feed/",
            "keyword_export": "keywords/{id}/export.{type}",
            "logs": "logs/",
            "log": "logs/{id}/",
            "rules": "rules/",
            "rule": "rules/{id}/",
            "rule_preview": "rules/preview/",
            "quota": "quota/",
            "schema": "schema/",
            "docs": "docs/",
            "redoc": "redoc/",
        }
        endpoints = {name: root + path for name, path in below.items()}
        beside = {name: request.build_absolute_uri(reverse(name) + "/") for name in ("ping", "healthz", "metrics")}
        return Response(endpoints | beside)


class PingView(KnownParameters):
    """Whether the web server and its database work. Health checks do not sign in."""

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []
    throttle_classes: list[Any] = []

    @extend_schema(
        operation_id="ping",
        summary="Check whether Windhover is alive",
        tags=["service"],
        responses=PingSerializer,
    )
    def get(self, request: Request) -> Response:
        try:
            connection.ensure_connection()
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
        except DatabaseError:
            raise Unavailable from None
        return Response({"status": "success", "message": "pong", "database": "ok"})
