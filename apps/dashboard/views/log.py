"""The fetch log."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from apps.dashboard.views.pages import FETCHES, PageRequest, page_of, render_page
from apps.videos.models import KeyWordEntry, VideoLog
from apps.videos.pagination import ShortCountPaginator


@require_safe
def log_of_keyword(request: PageRequest, pk: int) -> HttpResponse:
    """One keyword's fetch log, newest first."""
    entry = get_object_or_404(KeyWordEntry, pk=pk)
    page = page_of(request, ShortCountPaginator(entry.logs.newest_first(), FETCHES))
    return render_page(request, "log", {"entry": entry, "page": page})


@require_safe
def log(request: PageRequest) -> HttpResponse:
    """The fetch log, newest first."""
    page = page_of(request, ShortCountPaginator(VideoLog.objects.newest_first(), FETCHES))
    return render_page(request, "log", {"page": page})
