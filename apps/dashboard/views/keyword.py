"""One keyword: its state and videos."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from apps.dashboard.context import at_present
from apps.dashboard.video_filters import VideoFilterForm
from apps.dashboard.views.pages import (
    PREVIEW_CARDS,
    PageRequest,
    list_of_videos,
    render_page,
    require_get_post,
    short_address,
    write_required,
)
from apps.videos.fetching import manual
from apps.videos.models import KeyWordEntry


@require_safe
@short_address
def keyword(request: PageRequest, pk: int) -> HttpResponse:
    entry = get_object_or_404(KeyWordEntry.objects.with_last_log().with_sharing(), pk=pk)
    filters = VideoFilterForm(request, entry)
    cards = PREVIEW_CARDS if entry.state == KeyWordEntry.State.PREVIEWED else None
    context = list_of_videos(request, filters, cards) | {"entry": entry, "filters": filters}
    context["under_way"] = entry.logs.under_way(timezone.now()).filter(waiting_until=None).exists()
    is_new = entry.last_fetched_at is None and not entry.was_searched
    context["each_second"] = context["under_way"] or (is_new and entry.is_due() and at_present(request).can_fetch)
    if entry.state == KeyWordEntry.State.PREVIEWED:
        context["cost"] = manual.cost_of_watching(entry)
    return render_page(request, "keyword", context | {"gaps": entry.gaps.filter(late=False)})


@require_POST
@write_required
def set_state(request: PageRequest, pk: int, state: KeyWordEntry.State) -> HttpResponse:
    entry = get_object_or_404(KeyWordEntry, pk=pk)
    entry.change(state=state)
    messages.success(request, "Paused." if state == KeyWordEntry.State.PAUSED else f"Now watching “{entry}”.")
    return redirect("keyword", pk)


@require_get_post
@write_required
def delete(request: PageRequest, pk: int) -> HttpResponse:
    """Ask for confirmation; POST deletes."""
    entry = get_object_or_404(KeyWordEntry, pk=pk)
    if request.method != "POST":
        return render(request, "dashboard/delete.html", {"entry": entry})
    state = entry.state
    entry.delete()
    if state == KeyWordEntry.State.PREVIEWED:
        messages.success(request, f"Discarded the preview of “{entry}”.")
    else:
        messages.success(request, f"Deleted “{entry}”. Videos found by no other keyword are being removed.")
    return redirect("home")
