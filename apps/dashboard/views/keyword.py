"""One keyword: its state, settings and videos."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from apps.dashboard.forms import IntervalForm
from apps.dashboard.video_filters import VideoFilterForm
from apps.dashboard.views.pages import (
    PageRequest,
    list_of_videos,
    render_page,
    require_get_post,
    short_address,
    write_required,
)
from apps.videos.models import KeyWordEntry
from apps.videos.scheduling.plan import cost_of_adding


@require_get_post
@short_address
def keyword(request: PageRequest, pk: int) -> HttpResponse:
    """One keyword: its state, settings and videos; POST changes its interval."""
    if request.method == "POST":
        return change_interval(request, pk=pk)
    entry = get_object_or_404(KeyWordEntry.objects.with_last_log(), pk=pk)
    return render_keyword(request, entry, IntervalForm(instance=entry))


@write_required
def change_interval(request: PageRequest, pk: int) -> HttpResponse:
    entry = get_object_or_404(KeyWordEntry.objects.with_last_log(), pk=pk)
    form = IntervalForm(request.POST, instance=entry)
    if not form.is_valid():
        return render_keyword(request, entry, form)
    entry.change(**form.cleaned_data)
    messages.success(request, "Saved.")
    return redirect("keyword", pk)


def render_keyword(request: PageRequest, entry: KeyWordEntry, form: IntervalForm) -> HttpResponse:
    filters = VideoFilterForm(request, entry)
    context = list_of_videos(request, filters) | {"entry": entry, "form": form, "filters": filters}
    context["under_way"] = entry.logs.under_way(timezone.now()).filter(waiting_until=None).exists()
    if entry.state == KeyWordEntry.State.PREVIEWED and not request.htmx:
        context["cost"] = cost_of_adding(entry.rate)
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
    entry.delete()
    messages.success(request, f"Deleted “{entry}”. Videos found by no other keyword are being removed.")
    return redirect("home")
