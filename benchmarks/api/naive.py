"""What a plain Django REST framework application does: one table, a ModelViewSet, page numbers, and COUNT.

A video belongs to one keyword, the first that found it. `storing` compares update_or_create() on the same table.
"""

from typing import Any, ClassVar

from django.db import models
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework import pagination, serializers, viewsets
from rest_framework.filters import OrderingFilter, SearchFilter
from rest_framework.request import Request

from apps.videos.models import KeyWordEntry


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
