"""Quota and plan."""

from django.conf import settings
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.views.decorators.http import require_safe

from apps.dashboard import charts
from apps.dashboard.views.pages import KEYWORDS, PageRequest, page_of, render_page
from apps.videos.scheduling import report


@require_safe
def quota(request: PageRequest) -> HttpResponse:
    """Today's quota, the plan of searches, and the searches used."""
    today = report.today()
    page = page_of(request, Paginator(today.plan, KEYWORDS))
    context = {"today": today, "page": page, "charts": charts.of(today), "invidious": settings.INVIDIOUS_URL}
    return render_page(request, "quota", context)
