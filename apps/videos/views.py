"""The REST API over what is watched, found and logged."""

from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import DatabaseError, connection
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseRedirect, JsonResponse
from django.urls import reverse
from django.views.decorators.http import require_safe
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.videos import keywords, outlook, tasks
from apps.videos.models import KeyWordEntry, Match, Video, VideoLog, VideoTotal
from apps.videos.pagination import Pages
from apps.videos.serializers import KeywordSerializer, QuotaSerializer, VideoLogSerializer, VideoSerializer


def find_keyword(text: str) -> KeyWordEntry:
    """Return the entry for `text`; a text that can be no keyword is a 400, one that nobody watches a 404."""
    try:
        keywords.check(text)
    except DjangoValidationError as error:
        raise ValidationError({"keyword": error.messages}) from error
    entry: KeyWordEntry | None = KeyWordEntry.objects.find(text)
    if entry is None:
        raise NotFound('Nobody watches this keyword. Watch it by POST /api/keywords/ with {"keyword": "..."}.')
    return entry


class _MatchesOfOneKeyword:
    """Pages of one keyword's videos: found by the match's index, counted by the keyword, so two queries."""

    entry: KeyWordEntry

    def known_count(self) -> int:
        return self.entry.video_count

    def matches(self) -> QuerySet[Match]:
        return self.entry.matches.newest_first().select_related("video__keyword")


class KeywordVideos(_MatchesOfOneKeyword, ListAPIView[Any]):
    """One keyword's videos, newest first."""

    serializer_class = VideoSerializer
    pagination_class = Pages
    queryset = Match.objects.none()

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response | HttpResponseRedirect:  # type: ignore[override]
        keyword = self.kwargs["keyword"]
        if {".", ".."} & set(keyword.split("/")):
            # Clients fold such a path away, and so would the links to further pages.
            parameters = request.query_params.copy()
            parameters["keyword"] = keyword
            return HttpResponseRedirect(f"{reverse('video-list')}?{parameters.urlencode()}")
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[Match]:
        self.entry = find_keyword(self.kwargs["keyword"])
        return self.matches()

    def paginate_queryset(self, queryset: Any) -> Any:
        return [match.video for match in super().paginate_queryset(queryset) or []]


@extend_schema_view(
    list=extend_schema(
        parameters=[OpenApiParameter("keyword", str, description="Only this keyword's videos; any case and spacing.")]
    )
)
class VideoViewSet(
    _MatchesOfOneKeyword, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Video]
):
    """All videos, newest first."""

    serializer_class = VideoSerializer
    pagination_class = Pages
    queryset = Video.objects.select_related("keyword").newest_first()
    lookup_value_regex = "[^/]+"

    def known_count(self) -> int:
        return self.entry.video_count if "keyword" in self.request.query_params else VideoTotal.now()

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.action != "list" or "keyword" not in self.request.query_params:
            return queryset
        self.entry = find_keyword(self.request.query_params["keyword"])
        return self.matches()

    def paginate_queryset(self, queryset: Any) -> Any:
        rows = super().paginate_queryset(queryset) or []
        return [row.video if isinstance(row, Match) else row for row in rows]


class KeywordViewSet(viewsets.ModelViewSet[KeyWordEntry]):
    """The watched keywords. Deleting one deletes its matches and the videos that no other keyword found."""

    serializer_class = KeywordSerializer
    pagination_class = Pages
    queryset = KeyWordEntry.objects.prefetch_related("gaps")
    lookup_value_regex = "[0-9]{1,18}"

    def handle_exception(self, exc: Exception) -> Response:
        # Deleted by somebody else, between our look and our change.
        return super().handle_exception(NotFound(str(exc)) if isinstance(exc, KeyWordEntry.DoesNotExist) else exc)

    @extend_schema(responses={200: KeywordSerializer, 201: KeywordSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Watch a keyword; one that is watched already, in whatever case and spacing, is answered as it is."""
        serializer = KeywordSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        serializer.save()
        return Response(serializer.data, status=status.HTTP_201_CREATED if serializer.is_new else status.HTTP_200_OK)

    @extend_schema(request=None, responses={202: VideoLogSerializer})
    @action(detail=True, methods=["post"])
    def fetch(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Fetch now; the answer is the log in which the fetch will tell what it did."""
        log = tasks.fetch_now(self.get_object())
        return Response(VideoLogSerializer(log).data, status=status.HTTP_202_ACCEPTED)


@extend_schema_view(
    list=extend_schema(parameters=[OpenApiParameter("keyword", int, description="Only this keyword's, by id.")])
)
class VideoLogViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[VideoLog]):
    """What happened: one row a fetch, newest first."""

    serializer_class = VideoLogSerializer
    pagination_class = Pages
    queryset = VideoLog.objects.newest_first()
    lookup_value_regex = "[0-9]{1,18}"

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        keyword = self.request.query_params.get("keyword")
        if keyword is None:
            return queryset
        if not (keyword.isascii() and keyword.isdigit() and len(keyword) < 19):
            raise ValidationError({"keyword": ["Give a keyword's id, a whole number."]})
        return queryset.filter(keyword=int(keyword))


class QuotaView(APIView):
    """What is left of today's calls, how searches are planned, and in what state the keys are."""

    @extend_schema(responses=QuotaSerializer)
    def get(self, request: Request) -> Response:
        return Response(QuotaSerializer(outlook.today()).data)


@extend_schema(exclude=True)
class UnknownAddress(APIView):
    """Answer what is no address of the API, in the API's own form."""

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, **kwargs: Any) -> Response:
        raise NotFound("There is nothing here; /api/docs/ lists what there is.")

    post = put = patch = delete = get


@require_safe
def ping(request: HttpRequest) -> JsonResponse:
    """Tell whether the web server and its database answer."""
    try:
        connection.ensure_connection()
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return JsonResponse({"status": "the database does not answer"}, status=503)
    return JsonResponse({"status": "ok"})


ping.login_required = False  # type: ignore[attr-defined]  # health checks do not sign in
