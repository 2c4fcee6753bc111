"""The demo's thumbnails, for browsers that reach Windhover under PUBLIC_URL, but not the simulator on this machine."""

from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import cache_control

_directly = build_opener(ProxyHandler({}))


@cache_control(max_age=86_400)
def thumbnail(request: HttpRequest, video_id: str, name: str) -> HttpResponse:
    """Return a thumbnail from the simulator."""
    try:
        with _directly.open(f"{settings.YOUTUBE_API_URL}/vi/{video_id}/{name}", timeout=5) as picture:
            return HttpResponse(picture.read(), content_type=picture.headers["Content-Type"])
    except (URLError, OSError) as error:
        raise Http404("no such thumbnail") from error
