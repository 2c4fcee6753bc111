"""Statistics of all videos, or of one keyword."""

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from apps.dashboard import charts
from apps.dashboard.views.pages import PageRequest
from apps.videos import statistics
from apps.videos.models import KeyWordEntry
from apps.videos.scheduling.report import DAYS
from apps.videos.statistics import PERIODS, Statistics


@require_safe
def of_all(request: PageRequest) -> HttpResponse:
    """All videos, each as the first keyword found it."""
    days = period(request)
    return render_statistics(request, days, statistics.of_all(days))


@require_safe
def of_keyword(request: PageRequest, pk: int) -> HttpResponse:
    """What one keyword found."""
    entry, days = get_object_or_404(KeyWordEntry, pk=pk), period(request)
    return render_statistics(request, days, statistics.of_keyword(entry, days), entry)


def period(request: PageRequest) -> int:
    """Return the requested number of days."""
    given = request.GET.get("days", "")
    return int(given) if given in map(str, PERIODS) else DAYS


def render_statistics(
    request: PageRequest, days: int, shown: Statistics, entry: KeyWordEntry | None = None
) -> HttpResponse:
    newest = shown.newest
    context = {
        "entry": entry,
        "days": days,
        "periods": PERIODS,
        "statistics": shown,
        "found": sum(day.found for day in shown.days),
        "published": sum(day.published for day in shown.days),
        "searches": sum(day.searches for day in shown.searches),
        "videos_chart": charts.videos(shown.days),
        "searches_chart": charts.searches(shown.searches),
        "delays_chart": charts.delays(newest.delay) if newest.delay else None,
        "channels": charts.channels(newest),
        "sources": charts.sources(newest),
        "log_days": settings.KEEP_LOGS if entry and (settings.KEEP_LOGS or days) < days else 0,
    }
    return render(request, "dashboard/statistics.html", context)
