"""Atom feeds of videos (RFC 4287), and the private addresses at which feed readers need no account."""

import re
import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import get_script_prefix, reverse
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.feedgenerator import Atom1Feed
from django.utils.html import linebreaks
from rest_framework.exceptions import NotFound
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from apps.videos.models import FeedToken, KeyWordEntry
from apps.videos.pagination import Pages
from apps.videos.serializers import video_rows

# What XML 1.0 cannot contain, not even escaped (section 2.2).
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class FeedPages(Pages):
    """The newest videos; a feed has no further pages."""

    page_size = 50
    page_size_query_description = "Entries of the feed: 50 if it is not given, at most 100."

    def paginate_queryset(self, queryset: Any, request: Any, view: Any = None, **counted: Any) -> list[Any]:
        """Return what VideoSerializer shows of the first videos; two queries."""
        self._check_page_size(request)
        return video_rows(list(queryset.values_list("video_id", flat=True)[: self.get_page_size(request)]))

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        parameters = super().get_schema_operation_parameters(view)
        return [parameter for parameter in parameters if parameter["name"] != self.page_query_param]


class HasFeedToken(BasePermission):
    """The address contains a valid token, instead of an account. Everything else about it is a 404."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if request.method not in SAFE_METHODS or FeedToken.find(view.kwargs["token"]) is None:
            raise NotFound("There is no feed at this address. The token may have been revoked.")
        return True


class VideoFeed(Atom1Feed):
    """Atom with thumbnails (Media RSS) and the time of the last change."""

    def root_attributes(self) -> dict[str, str]:
        return {**super().root_attributes(), "xmlns:media": "http://search.yahoo.com/mrss/"}

    def latest_post_date(self) -> datetime:
        return self.feed["changed_at"]  # type: ignore[no-any-return]

    def add_item_elements(self, handler: Any, item: dict[str, Any]) -> None:
        super().add_item_elements(handler, item)
        if item["thumbnail"]:
            handler.addQuickElement("media:thumbnail", "", {"url": item["thumbnail"]})


def atom(
    request: HttpRequest, videos: Iterable[Mapping[str, Any]], entry: KeyWordEntry | None, changed_at: datetime | None
) -> HttpResponse:
    """Return the feed of `videos`, rows of video_rows(): of a keyword's, or of all."""
    chosen = {name: values for name, values in request.GET.lists() if name != "page_size"}
    title = entry.keyword if entry else "Windhover"
    page = reverse("keyword", args=[entry.pk]) if entry else reverse("home")
    if chosen:
        page += f"?{urlencode(chosen, doseq=True)}"
    feed = VideoFeed(
        title=_text(f"{title} ({_in_words(chosen)})" if chosen else title),
        link=public_address(request, page),
        description=None,
        author_name="Windhover",
        feed_url=public_address(request, request.get_full_path()),
        feed_guid=_feed_id(entry, chosen),
        changed_at=changed_at or timezone.now(),
    )
    for video in videos:
        about = _text(video["description"])
        feed.add_item(
            title=_text(video["title"]).strip() or video["video_id"],
            link=video["watch_url"],
            description=linebreaks(about, autoescape=True) if about else None,  # type: ignore[arg-type]
            author_name=_text(video["channel_title"]) or None,
            author_link=f"https://www.youtube.com/channel/{video['channel_id']}" if video["channel_id"] else None,
            pubdate=video["published_at"],
            updateddate=video["updated_at"],
            unique_id=f"yt:video:{video['video_id']}",  # as in YouTube's own feeds
            categories=[_text(video["keyword_text"])] if video["keyword_text"] else (),
            thumbnail=_text(video["thumbnail"]),
        )
    return HttpResponse(feed.writeString("utf-8"), content_type=feed.content_type)


def public_address(request: HttpRequest, path: str) -> str:
    """Return the absolute address of a path that reverse() made: below PUBLIC_URL, however it was reached."""
    if settings.PUBLIC_URL:
        return f"{settings.PUBLIC_URL.rstrip('/')}/{path.removeprefix(get_script_prefix())}"
    return request.build_absolute_uri(path)


def _text(value: str) -> str:
    return _NOT_IN_XML.sub("", value)


def _in_words(chosen: Mapping[str, list[str]]) -> str:
    return ", ".join(f"{name}: {value}" for name, values in chosen.items() for value in values)


def _feed_id(entry: KeyWordEntry | None, chosen: Mapping[str, list[str]]) -> str:
    """Return an id that the same feed of this installation keeps, at whichever of its addresses it is read."""
    name = f"{entry.pk if entry else ''}?{urlencode(sorted(chosen.items()), doseq=True)}"
    return uuid.UUID(bytes=salted_hmac("apps.videos.feeds", name).digest()[:16], version=5).urn
