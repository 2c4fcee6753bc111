"""The REST API over what is watched, found and logged."""

from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import DatabaseError, connection
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect, JsonResponse
from django.urls import reverse
from django.views.decorators.http import require_safe
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.videos import keywords
from apps.videos.conditional import conditional
from apps.videos.errors import DETAILS
from apps.videos.fetching.manual import fetch_now
from apps.videos.models import KeyWordEntry, Video, VideoLog, VideoTotal
from apps.videos.pagination import Pages, VideoPages
from apps.videos.scheduling import report
from apps.videos.serializers import KeywordSerializer, QuotaSerializer, VideoLogSerializer, VideoSerializer


def find_keyword(text: str) -> KeyWordEntry:
    """Return the entry for `text`. An invalid keyword is a 400, one that is not being watched a 404."""
    try:
        keywords.check(text)
    except DjangoValidationError as error:
        raise ValidationError({"keyword": error.messages}) from error
    entry: KeyWordEntry | None = KeyWordEntry.objects.with_videos_changed_at().find(text)
    if entry is None:
        raise NotFound('This keyword is not being watched. Add it with POST /api/keywords/ and {"keyword": "..."}.')
    return entry


def page_of_videos(request: Request, keyword: str | None) -> HttpResponseBase:
    """Return a page of one keyword's videos, or of all, newest first, without counting them; three queries.

    One query if the client has this page already.
    """
    rows: QuerySet[Any]
    if keyword is None:
        total = VideoTotal.read()
        rows, count, changed_at = Video.objects.newest_first(), total.count, total.changed_at
    else:
        entry: Any = find_keyword(keyword)
        rows, count, changed_at = entry.matches.newest_first(), entry.video_count, entry.videos_changed_at

    def build() -> Response:
        pages = VideoPages()
        return pages.get_paginated_response(pages.paginate_queryset(rows, request, known_count=count))

    return conditional(request, changed_at, build)


class KeywordVideos(GenericAPIView[Any]):
    """One keyword's videos, newest first."""

    serializer_class = VideoSerializer
    pagination_class = VideoPages
    queryset = Video.objects.none()

    @extend_schema(responses=VideoSerializer(many=True))
    def get(self, request: Request, keyword: str) -> HttpResponseBase:
        if {".", ".."} & set(keyword.split("/")):
            # HTTP clients remove such a path segment, also from the links to other pages.
            parameters = request.query_params.copy()
            parameters["keyword"] = keyword
            redirect = HttpResponseRedirect(reverse("video-list"))
            # Added afterwards: Django refuses long addresses, and a keyword may have 6,000 bytes.
            redirect["Location"] += f"?{parameters.urlencode()}"
            return redirect
        return page_of_videos(request, keyword)


class VideoViewSet(viewsets.GenericViewSet[Video]):
    """All videos, newest first."""

    serializer_class = VideoSerializer
    pagination_class = VideoPages
    queryset = Video.objects.select_related("keyword")
    not_found = "No video has this id."
    lookup_value_regex = "[^/]+"

    @extend_schema(
        parameters=[
            OpenApiParameter("keyword", str, description="Only this keyword's videos. Case and spacing are ignored.")
        ],
        responses=VideoSerializer(many=True),
    )
    def list(self, request: Request) -> HttpResponseBase:
        return page_of_videos(request, request.query_params.get("keyword"))

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        changed_at = VideoTotal.read().changed_at
        return conditional(request, changed_at, lambda: Response(self.get_serializer(self.get_object()).data))


class KeywordViewSet(viewsets.ModelViewSet[KeyWordEntry]):
    """The keywords. Deleting one deletes its videos, except those that other keywords found."""

    serializer_class = KeywordSerializer
    pagination_class = Pages
    queryset = KeyWordEntry.objects.prefetch_related("gaps")
    not_found = "No keyword has this id."
    lookup_value_regex = "[0-9]{1,18}"

    def handle_exception(self, exc: Exception) -> Response:
        # Deleted by another request after it was looked up.
        return super().handle_exception(NotFound(str(exc)) if isinstance(exc, KeyWordEntry.DoesNotExist) else exc)

    @extend_schema(responses={200: KeywordSerializer, 201: KeywordSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Watch a keyword. If the keyword exists (ignoring case and spacing), it is returned with status 200."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        chosen = dict(serializer.validated_data)
        entry, is_new = KeyWordEntry.objects.watch(chosen.pop("keyword"), **chosen)
        entry.refresh_from_db()  # it has been planned
        answer = self.get_serializer(entry).data
        return Response(answer, status=status.HTTP_201_CREATED if is_new else status.HTTP_200_OK)

    @extend_schema(request=None, responses={202: VideoLogSerializer})
    @action(detail=True, methods=["post"])
    def fetch(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Fetch now. The response is the log that will contain the result."""
        log = fetch_now(self.get_object())
        return Response(VideoLogSerializer(log).data, status=status.HTTP_202_ACCEPTED)


@extend_schema_view(
    list=extend_schema(parameters=[OpenApiParameter("keyword", int, description="Only this keyword's, by id.")])
)
class VideoLogViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[VideoLog]):
    """The fetch log, newest first."""

    serializer_class = VideoLogSerializer
    pagination_class = Pages
    queryset = VideoLog.objects.newest_first()
    not_found = "No fetch log has this id."
    lookup_value_regex = "[0-9]{1,18}"

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        keyword = self.request.query_params.get("keyword")
        if keyword is None:
            return queryset
        if not (keyword.isascii() and keyword.isdigit() and len(keyword) < 19):
            raise ValidationError({"keyword": ["Must be a keyword's id, a whole number."]})
        return queryset.filter(keyword=int(keyword))


class QuotaView(APIView):
    """Today's quota, the plan of searches, and the state of the keys."""

    @extend_schema(responses=QuotaSerializer)
    def get(self, request: Request) -> Response:
        return Response(QuotaSerializer(report.today()).data)


@extend_schema(exclude=True)
class NotFoundView(APIView):
    """Answer unknown addresses below /api/ in JSON."""

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, **kwargs: Any) -> Response:
        raise NotFound(DETAILS[404])

    post = put = patch = delete = get


@require_safe
def ping(request: HttpRequest) -> JsonResponse:
    """Return whether the web server and its database work."""
    try:
        connection.ensure_connection()
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return JsonResponse({"status": "database unavailable"}, status=503)
    return JsonResponse({"status": "ok"})


ping.login_required = False  # type: ignore[attr-defined]  # health checks do not sign in
