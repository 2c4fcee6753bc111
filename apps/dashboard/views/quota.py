"""Quota and plan."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from apps.dashboard import charts
from apps.dashboard.views.pages import KEYWORDS, PageRequest, page_of, render_page
from apps.quota import keys
from apps.quota.models import ApiKey
from apps.videos.access import may_write
from apps.videos.fetching import refreshing
from apps.videos.models import Video
from apps.videos.scheduling import report


@require_safe
def quota(request: PageRequest) -> HttpResponse:
    """Today's quota, the plan of searches, and the searches used."""
    today = report.today()
    context = {
        "today": today,
        # By the minute, as all of this page, so that it does not differ each time it is polled.
        "ends_at": today.ends_at and today.ends_at.replace(second=0, microsecond=0),
        "page": page_of(request, Paginator(today.plan, KEYWORDS)),
        "budget": charts.budget(today),
        "charts": [charts.hours(today), charts.searches(today.days, today.searches_per_day)],
        "invidious": settings.INVIDIOUS_URL,
        "any_shared": bool(today.group_sizes),
        "stored": refreshing.report(),
        "unassigned": Video.objects.filter(keyword=None).count(),
    }
    return render_page(request, "quota", context)


@require_POST
def retry_key(request: PageRequest, key_id: int) -> HttpResponse:
    """Use a key again that YouTube has refused, or that cools down."""
    if not may_write(request):
        return redirect_to_login(reverse("quota-page"))
    key = get_object_or_404(ApiKey, pk=key_id)
    keys.reactivate(key)
    messages.success(request, f"“{key.label}” will be tried again with the next search.")
    return redirect("quota-page")
