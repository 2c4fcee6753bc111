"""All videos, and adding a keyword."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from apps.dashboard import visits
from apps.dashboard.context import at_present
from apps.dashboard.forms import AddKeywordForm
from apps.dashboard.times import time_left
from apps.dashboard.video_filters import VideoFilterForm
from apps.dashboard.views.pages import (
    PageRequest,
    list_of_videos,
    render_page,
    require_get_post,
    short_address,
    write_required,
)
from apps.videos.fetching import manual
from apps.videos.found_since import found_since
from apps.videos.models import KeyWordEntry, SavedView
from apps.videos.scheduling.plan import cost_of_adding

# So many failing keywords are named.
FAILING = 3

# Offered while there is no keyword; one search finds many videos of each.
EXAMPLES = ["northern lights", "jazz piano", "Mars rover"]


@require_get_post
@short_address
def home(request: PageRequest) -> HttpResponse:
    """The videos, last found first; POST adds a keyword."""
    return add_keyword(request) if request.method == "POST" else render_home(request, AddKeywordForm())


@write_required
def add_keyword(request: PageRequest) -> HttpResponse:
    form = AddKeywordForm(request.POST)
    if not form.is_valid():
        return render_home(request, form)
    entry, is_new = form.save()
    if is_new:
        messages.success(request, f"Now watching “{entry}”.")
    else:
        messages.info(request, f"“{entry}” already exists. Its interval was not changed.")
    return redirect("keyword", entry.pk)


@require_get_post
@write_required
def preview(request: PageRequest) -> HttpResponse:
    """Search once for a keyword without watching it; whoever comes by a link is led to the form."""
    if request.method != "POST":
        return redirect("home")
    form = AddKeywordForm(request.POST)
    if not form.is_valid():
        return render_home(request, form)
    keyword = form.cleaned_data["keyword"]
    if until := manual.preview_waits_until(keyword):
        form.add_error("keyword", f"Daily search limit reached. Previews are possible in {time_left(until)}.")
        return render_home(request, form)
    entry, log = manual.preview(keyword)
    if log:
        manual.wait_for(log, manual.PREVIEW_SECONDS)
    if entry.state != KeyWordEntry.State.PREVIEWED:
        messages.info(request, f"“{entry}” already exists.")
    return redirect("keyword", entry.pk)


def render_home(request: PageRequest, form: AddKeywordForm) -> HttpResponse:
    filters = VideoFilterForm(request)
    context = list_of_videos(request, filters) | {"form": form, "filters": filters, "examples": EXAMPLES}
    context["states"] = states = KeyWordEntry.objects.count_by_state(at_present(request).pause)
    context["failing"] = list(KeyWordEntry.objects.failing()[:FAILING]) if states.failing else []
    context["any_keyword"] = states.kept > 0
    context["each_second"] = context.get("shown_to") == "" and is_first_due(request)
    if request.htmx:
        return render_page(request, "home", context)
    context["views"] = views = SavedView.objects.all()
    context["current_view"] = next((view for view in views if view.query == filters.address), None)
    context |= new_to_reader(request, filters, context["videos"])
    response = render_page(request, "home", context | {"cost": cost_of_adding()})
    visits.remember(request, response)
    return response


def is_first_due(request: PageRequest) -> bool:
    """Return whether a first fetch is about to begin, or runs; one query."""
    new = KeyWordEntry.objects.watched().filter(last_fetched_at=None, next_due_at__lte=timezone.now())
    return new.exists() and at_present(request).can_fetch


def new_to_reader(request: PageRequest, filters: VideoFilterForm, videos: Any) -> dict[str, Any]:
    """Return what was found since the last visit, and the first of `videos` that was found before."""
    since = visits.last_visit(request)
    if not since or not filters.last_found_first:
        return {}
    older = [number for number, video in enumerate(videos) if video.created_at < since]
    return {"found": found_since(since), "first_older": videos[older[0]].pk if older and older[0] else None}
