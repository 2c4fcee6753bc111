"""A manual fetch of one keyword."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from apps.dashboard.times import time_left
from apps.dashboard.views.pages import PageRequest, write_required
from apps.videos.fetching import manual
from apps.videos.models import KeyWordEntry


@require_POST
@write_required
def fetch(request: PageRequest, pk: int) -> HttpResponse:
    """Fetch now; if that takes one of the searches that are reserved, ask for confirmation first."""
    entry = get_object_or_404(KeyWordEntry, pk=pk)
    cost = manual.cost_of_fetching()
    if cost.uses_reserve and "confirmed" not in request.POST:
        return render(request, "dashboard/fetch_question.html", {"entry": entry, "cost": cost})
    manual.fetch_now(entry)
    if cost.waits_until:
        messages.info(request, f"Daily search limit reached. It is fetched in {time_left(cost.waits_until)}.")
    else:
        messages.success(request, "Searching now. Results appear below.")
    return redirect("keyword", pk)
