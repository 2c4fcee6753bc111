"""What a plain Django REST framework application does: one table, a ModelViewSet, page numbers, and COUNT.

A video belongs to one keyword, the first that found it. `storing` compares update_or_create() on the same table.
Feeds are those of django.contrib.syndication, exports lists without pages, and statistics aggregates.
"""

import csv
import io
from datetime import UTC, datetime, time, timedelta
from typing import Any, ClassVar

from django.contrib.syndication.views import Feed
from django.db import models
from django.db.models import Count
from django.db.models.functions import TruncDate
from django.http import HttpRequest
from django.utils import timezone
from django.utils.feedgenerator import Atom1Feed
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework import pagination, serializers, viewsets
from rest_framework.filters import OrderingFilter, SearchFilter
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.videos.feeds import FeedPages
from apps.videos.models import KeyWordEntry
from apps.videos.scheduling.report import DAYS
from apps.videos.statistics import TOP_CHANNELS


class NaiveVideo(models.Model):
    """The columns of a video that the API shows."""

    video_id = models.CharField(max_length=16, primary_key=True)
    title = models.CharField(max_length=500, blank=True)
    description = models.TextField(blank=True)
    published_at = models.DateTimeField()
    published_exact = models.BooleanField(default=True)
    channel_id = models.CharField(max_length=100, blank=True)
    channel_title = models.CharField(max_length=200, blank=True)
    thumbnail = models.CharField(max_length=500, blank=True)
    duration = models.PositiveIntegerField(null=True)
    live_state = models.CharField(max_length=10, default="none")
    starts_at = models.DateTimeField(null=True)
    view_count = models.PositiveBigIntegerField(null=True)
    views_read_at = models.DateTimeField(null=True)
    method = models.CharField(max_length=10)
    keyword = models.ForeignKey(KeyWordEntry, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    objects: ClassVar[models.Manager["NaiveVideo"]] = models.Manager()

    class Meta:
        app_label = "naive"
        ordering = ["-published_at", "-video_id"]
        indexes = [
            models.Index(fields=["-published_at", "-video_id"], name="naive_newest"),
            models.Index(fields=["keyword", "-published_at", "-video_id"], name="naive_newest_of_keyword"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def watch_url(self) -> str:
        return f"https://www.youtube.com/watch?v={self.video_id}"


class NaiveSerializer(serializers.ModelSerializer[NaiveVideo]):
    keyword_text = serializers.CharField(source="keyword.keyword", default="", read_only=True)

    class Meta:
        model = NaiveVideo
        fields = [
            "video_id",
            "title",
            "description",
            "published_at",
            "channel_title",
            "thumbnail",
            "created_at",
            "updated_at",
            "keyword",
            "keyword_text",
            "method",
            "watch_url",
            "published_exact",
            "channel_id",
            "duration",
            "live_state",
            "view_count",
            "views_read_at",
            "starts_at",
        ]


class NaivePages(pagination.PageNumberPagination):
    page_size = 10
    page_size_query_param = "page_size"
    max_page_size = 100


class NaiveOrdering(OrderingFilter):
    """Sort unknown values last, as our API does; by default PostgreSQL has them first."""

    def filter_queryset(self, request: Request, queryset: models.QuerySet[Any], view: Any) -> models.QuerySet[Any]:
        names = self.get_ordering(request, queryset, view) or queryset.model._meta.ordering
        unknown = {"-view_count", "-duration"}
        return queryset.order_by(
            *(models.F(name[1:]).desc(nulls_last=True) if name in unknown else name for name in names)
        )


class NaiveViewSet(viewsets.ModelViewSet[NaiveVideo]):
    queryset = NaiveVideo.objects.select_related("keyword")
    serializer_class = NaiveSerializer
    pagination_class = NaivePages
    filter_backends = [DjangoFilterBackend, SearchFilter, NaiveOrdering]
    filterset_fields: dict[str, Any] = {
        "keyword": ["exact", "in"],
        "channel_id": ["exact"],
        "published_at": ["gte", "lt"],
        "created_at": ["gte", "lt"],
        "method": ["exact"],
        "live_state": ["exact"],
        "duration": ["gte", "lte"],
        "published_exact": ["exact"],
    }
    search_fields = ["title", "description", "channel_title"]
    ordering_fields = ["published_at", "created_at", "view_count", "duration"]
    schema = None


class NaiveExport(NaiveViewSet):
    """All videos, as one JSON array."""

    pagination_class = None  # type: ignore[assignment]


class CSVRenderer(BaseRenderer):
    media_type = "text/csv"
    format = "csv"

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        file = io.StringIO()
        writer = csv.DictWriter(file, NaiveSerializer.Meta.fields)
        writer.writeheader()
        writer.writerows(data)
        return file.getvalue().encode()


class NaiveCSVExport(NaiveExport):
    renderer_classes = [CSVRenderer]


class NaiveFeed(Feed):
    feed_type = Atom1Feed
    link = "/"

    def get_object(self, request: HttpRequest, keyword: int | None = None) -> KeyWordEntry | None:
        return KeyWordEntry.objects.get(pk=keyword) if keyword else None

    def title(self, keyword: KeyWordEntry | None) -> str:
        return keyword.keyword if keyword else "Videos"

    def items(self, keyword: KeyWordEntry | None) -> models.QuerySet[NaiveVideo]:
        videos = NaiveVideo.objects.select_related("keyword")
        return (videos.filter(keyword=keyword) if keyword else videos)[: FeedPages.page_size]

    def item_title(self, item: NaiveVideo) -> str:
        return item.title

    def item_description(self, item: NaiveVideo) -> str:
        return item.description

    def item_link(self, item: NaiveVideo) -> str:
        return item.watch_url

    def item_guid(self, item: NaiveVideo) -> str:
        return f"yt:video:{item.pk}"

    def item_author_name(self, item: NaiveVideo) -> str:
        return item.channel_title

    def item_pubdate(self, item: NaiveVideo) -> datetime:
        return item.published_at

    def item_updateddate(self, item: NaiveVideo) -> datetime:
        return item.updated_at

    def item_categories(self, item: NaiveVideo) -> list[str]:
        return [item.keyword.keyword] if item.keyword else []


class NaiveStatistics(APIView):
    """The last days: videos of each, and of all their methods, top channels and delays."""

    schema = None

    def get(self, request: Request, keyword: int | None = None) -> Response:
        videos = NaiveVideo.objects.order_by()
        if keyword:
            videos = videos.filter(keyword=keyword)
        today = datetime.combine(timezone.now().date(), time(), UTC)
        days = [today - timedelta(days=back) for back in reversed(range(DAYS))]
        published, found = (
            dict(
                videos.filter(**{f"{field}__gte": days[0]})
                .annotate(day=TruncDate(field))
                .values_list("day")
                .annotate(videos=Count("pk"))
            )
            for field in ("published_at", "created_at")
        )
        recent = videos.filter(created_at__gte=days[0])
        timed = recent.filter(published_exact=True, published_at__gte=models.F("keyword__created_at"))
        delays = sorted(found_at - date for found_at, date in timed.values_list("created_at", "published_at"))
        return Response(
            {
                "video_count": videos.count(),
                "days": [
                    {"day": day.date(), "published": published.get(day.date(), 0), "found": found.get(day.date(), 0)}
                    for day in days
                ],
                "methods": dict(recent.values_list("method").annotate(videos=Count("pk"))),
                "channels": recent.values("channel_id", "channel_title")
                .annotate(videos=Count("pk"))
                .order_by("-videos")[:TOP_CHANNELS],
                "delays": [delays[len(delays) * percent // 100].total_seconds() for percent in (50, 95) if delays],
            }
        )
