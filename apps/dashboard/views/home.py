"""All videos, and adding a keyword."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from apps.dashboard.forms import AddKeywordForm
from apps.dashboard.video_filters import VideoFilterForm
from apps.dashboard.views.pages import (
    PageRequest,
    page_of_videos,
    render_page,
    require_get_post,
    short_address,
    write_required,
)
from apps.videos.fetching import manual
from apps.videos.models import KeyWordEntry
from apps.videos.scheduling.plan import cost_of_adding

# A preview is shown after so many seconds even if the search is not over: the page then refreshes itself.
PREVIEW_SECONDS = 5

KEYWORDS_AT_HOME = 20


@require_get_post
@short_address
def home(request: PageRequest) -> HttpResponse:
    """The keywords and the newest videos; POST adds a keyword."""
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


@require_POST
@write_required
def preview(request: PageRequest) -> HttpResponse:
    """Search once for a keyword without watching it."""
    form = AddKeywordForm(request.POST)
    if not form.is_valid():
        return render_home(request, form)
    entry, log = manual.preview(form.cleaned_data["keyword"])
    if log:
        manual.wait_for(log, PREVIEW_SECONDS)
    if entry.state != KeyWordEntry.State.PREVIEWED:
        messages.info(request, f"“{entry}” already exists.")
    return redirect("keyword", entry.pk)


def render_home(request: PageRequest, form: AddKeywordForm) -> HttpResponse:
    filters = VideoFilterForm(request)
    page = page_of_videos(request, filters)
    context = {"form": form, "filters": filters, "page": page, "videos": page}
    if not filters.given:
        context["keywords"] = Paginator(KeyWordEntry.objects.kept().with_last_log(), KEYWORDS_AT_HOME).page(1)
    if not request.htmx:
        context["cost"] = cost_of_adding()
    return render_page(request, "home", context)
