"""What the views share: permission, addresses, pages of rows, and the parts that refresh."""

import re
from collections.abc import Callable
from datetime import MAXYEAR, UTC, datetime
from functools import wraps
from hashlib import sha256
from typing import Any

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.paginator import Page, Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_http_methods
from django_htmx.middleware import HtmxDetails

from apps.dashboard.filters import without_empty
from apps.dashboard.video_filters import VideoFilterForm
from apps.videos.access import may_write
from apps.videos.models import KeyWordEntry, Video
from apps.videos.pagination import ShortCountPaginator

CARDS = 20
PREVIEW_CARDS = 8
FETCHES = 100
KEYWORDS = 50

# More new videos than this are not counted.
MOST_NEW = 100

require_get_post = require_http_methods(["GET", "HEAD", "POST"])


class PageRequest(HttpRequest):
    """A request with the attributes that middleware adds."""

    htmx: HtmxDetails


def write_required(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Require permission to change things; others sign in and return to the page of the form."""

    @wraps(view)
    def guarded(request: PageRequest, **kwargs: Any) -> HttpResponse:
        if may_write(request):
            try:
                return view(request, **kwargs)
            except KeyWordEntry.DoesNotExist as deleted:
                raise Http404(str(deleted)) from deleted
        return redirect_to_login(reverse("keyword", args=[kwargs["pk"]]) if "pk" in kwargs else reverse("home"))

    return guarded


def came_from(request: HttpRequest) -> str:
    """Return the address of the page on which the form or link was, which is its field `next`; empty if it is none of
    ours."""
    address = request.POST.get("next", request.GET.get("next", ""))
    # Django would take one without a slash for the name of a view.
    is_ours = address.startswith("/") and url_has_allowed_host_and_scheme(address, allowed_hosts=None)
    return address if is_ours else ""


def short_address(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Redirect from the address that a form of filters makes to the one without its empty fields."""

    @wraps(view)
    def shortened(request: PageRequest, **kwargs: Any) -> HttpResponse:
        if request.method == "POST" or request.htmx or "" not in request.GET.values():
            return view(request, **kwargs)
        given = without_empty(request.GET)
        return redirect(f"{request.path}{'?' if given else ''}{given.urlencode()}")

    return shortened


def page_of(request: HttpRequest, paginator: Paginator) -> Page:
    return paginator.get_page(request.GET.get("page"))


def list_of_videos(request: PageRequest, filters: VideoFilterForm, cards: int | None = None) -> dict[str, Any]:
    """Return the requested page of the videos that `filters` choose, for the template; or, for an open page that asks
    for changes, how many have been found since those it shows."""
    if request.htmx and (shown_to := read_time(request.GET.get("shown_to", ""))):
        return {"number_new": filters.number_found_after(shown_to, MOST_NEW), "most_new": MOST_NEW}
    newest = filters.newest_found_at()  # first: what is stored meanwhile is announced, not left out
    ids = filters.rows().values_list("video_id", flat=True)
    page = page_of(request, ShortCountPaginator(ids, cards or CARDS, **filters.counted()))
    page.object_list = Video.objects.with_keywords().in_order_of(page.object_list)
    return {"page": page, "videos": page, "shown_to": newest.isoformat() if newest else ""}


def say_with_undo(request: PageRequest, summary: str, action: str, **given: str) -> None:
    """Show `summary` on the next page, with a form that sends `given` to `action`, which undoes the change."""
    context = {"summary": summary, "action": action, "given": given}
    message = render_to_string("dashboard/undo.html", context, request)
    messages.success(request, mark_safe(message))  # noqa: S308  # the template escapes


def read_time(text: str) -> datetime | None:
    """Return a time that an open page sends back; None if it is none, or nothing can come after it."""
    try:
        time = datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return time if time.year < MAXYEAR else None


def render_page(request: PageRequest, page: str, context: dict[str, Any]) -> HttpResponse:
    """Render the whole page, or for htmx only the parts that refresh, with a tag: if they are unchanged, the answer is
    a 304."""
    if request.htmx:
        parts = (f"dashboard/{page}_live.html", "dashboard/banners_live.html")
        text = "".join(render_to_string(part, context, request) for part in parts)
        response = HttpResponse(text, headers={"ETag": tag_of(text)})
    else:
        response = render(request, f"dashboard/{page}.html", context)
    patch_vary_headers(response, ["HX-Request"])
    return response


DIFFERS = re.compile(r'(<time [^>]*data-(?:relative|left)[^>]*>)[^<]*|name="csrfmiddlewaretoken" value="\w+"')


def tag_of(text: str) -> str:
    """Return an ETag of HTML, without what differs each time: times relative to now, and tokens of forms."""
    lasting = DIFFERS.sub(r"\1", text)
    return f'W/"{sha256(lasting.encode()).hexdigest()[:32]}"'
