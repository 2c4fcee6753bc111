"""The pages a person sees: each view looks up, acts and shows. The rules are the models'."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.views import LoginView, redirect_to_login
from django.core.paginator import Page, Paginator
from django.db.models import Prefetch
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRefresh
from django_htmx.middleware import HtmxDetails

from apps.dashboard import charts
from apps.dashboard.forms import AddKeywordForm, IntervalForm
from apps.videos import outlook, planning, tasks
from apps.videos.access import may_write
from apps.videos.models import KeyWordEntry, Video, VideoLog, VideoTotal
from apps.videos.pagination import ShortCountPaginator

CARDS = 24
FETCHES = 50
KEYWORDS = 100
KEYWORDS_AT_HOME = 20

show_and_change = require_http_methods(["GET", "HEAD", "POST"])


class PageRequest(HttpRequest):
    """A request as the middleware leaves it."""

    htmx: HtmxDetails


def writes(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Let only those into `view` who may change things; others sign in and come back to where the control was."""

    @wraps(view)
    def guarded(request: PageRequest, **kwargs: Any) -> HttpResponse:
        if may_write(request):
            try:
                return view(request, **kwargs)
            except KeyWordEntry.DoesNotExist as deleted:
                raise Http404(str(deleted)) from deleted
        return redirect_to_login(reverse("keyword", args=[kwargs["pk"]]) if "pk" in kwargs else reverse("home"))

    return guarded


@show_and_change
def home(request: PageRequest) -> HttpResponse:
    """How the keywords stand, and the newest videos; posting adds a keyword."""
    return add_keyword(request) if request.method == "POST" else show_home(request, AddKeywordForm())


@writes
def add_keyword(request: PageRequest) -> HttpResponse:
    form = AddKeywordForm(request.POST)
    if not form.is_valid():
        return show_home(request, form)
    entry, is_new = form.save()
    if is_new:
        messages.success(request, "Windhover watches this keyword from now on.")
    else:
        messages.info(request, "You already watch this keyword; here it is.")
    return redirect("keyword", entry.pk)


def show_home(request: PageRequest, form: AddKeywordForm) -> HttpResponse:
    videos = Video.objects.newest_first().with_keywords()
    page = page_of(request, ShortCountPaginator(videos, CARDS, known_count=VideoTotal.now()))
    keywords = Paginator(KeyWordEntry.objects.with_last_log(), KEYWORDS_AT_HOME).page(1)
    context = {"form": form, "keywords": keywords, "page": page, "videos": page}
    if not request.htmx:
        context["cost"] = planning.cost_of_one_more()
    return show(request, "home", context)


@require_safe
def keywords(request: PageRequest) -> HttpResponse:
    """How all keywords stand."""
    page = page_of(request, Paginator(KeyWordEntry.objects.with_last_log(), KEYWORDS))
    return show(request, "keywords", {"page": page, "keywords": page})


@show_and_change
def keyword(request: PageRequest, pk: int) -> HttpResponse:
    """One keyword: how it stands, its settings, its videos; posting changes its interval."""
    if request.method == "POST":
        return change_interval(request, pk=pk)
    entry = get_object_or_404(KeyWordEntry.objects.with_last_log(), pk=pk)
    return show_keyword(request, entry, IntervalForm(instance=entry))


@writes
def change_interval(request: PageRequest, pk: int) -> HttpResponse:
    entry = get_object_or_404(KeyWordEntry.objects.with_last_log(), pk=pk)
    form = IntervalForm(request.POST, instance=entry)
    if not form.is_valid():
        return show_keyword(request, entry, form)
    form.save()
    messages.success(request, "The interval is saved.")
    return redirect("keyword", pk)


def show_keyword(request: PageRequest, entry: KeyWordEntry, form: IntervalForm) -> HttpResponse:
    matches = entry.matches.newest_first().prefetch_related(Prefetch("video", Video.objects.with_keywords()))
    page = page_of(request, ShortCountPaginator(matches, CARDS, known_count=entry.video_count))
    videos = [match.video for match in page]
    context = {"entry": entry, "form": form, "page": page, "videos": videos, "gaps": entry.gaps.filter(late=False)}
    return show(request, "keyword", context)


@require_POST
@writes
def fetch(request: PageRequest, pk: int) -> HttpResponse:
    tasks.fetch_now(get_object_or_404(KeyWordEntry, pk=pk))
    messages.success(request, "A fetch is on its way; this page shows what it finds.")
    return redirect("keyword", pk)


@require_POST
@writes
def set_state(request: PageRequest, pk: int, state: KeyWordEntry.State) -> HttpResponse:
    entry = get_object_or_404(KeyWordEntry, pk=pk)
    entry.state = state
    entry.save()
    messages.success(request, f"This keyword is {state.label} now.")
    return redirect("keyword", pk)


@show_and_change
@writes
def delete(request: PageRequest, pk: int) -> HttpResponse:
    """Ask, and when posted delete."""
    entry = get_object_or_404(KeyWordEntry, pk=pk)
    if request.method != "POST":
        return render(request, "dashboard/delete.html", {"entry": entry})
    entry.delete()
    messages.success(request, f"“{entry}” is deleted; what only it had found goes within a minute or so.")
    return redirect("home")


@require_safe
def log_of_keyword(request: PageRequest, pk: int) -> HttpResponse:
    """What fetching one keyword brought, newest first."""
    entry = get_object_or_404(KeyWordEntry, pk=pk)
    page = page_of(request, ShortCountPaginator(entry.logs.newest_first(), FETCHES))
    return show(request, "log", {"entry": entry, "page": page})


@require_safe
def log(request: PageRequest) -> HttpResponse:
    """What all fetches brought, newest first."""
    page = page_of(request, ShortCountPaginator(VideoLog.objects.newest_first(), FETCHES))
    return show(request, "log", {"page": page})


@require_safe
def quota(request: PageRequest) -> HttpResponse:
    """What is left of today's calls, how searches are planned, and how they were spent."""
    today = outlook.today()
    page = page_of(request, Paginator(today.plan, KEYWORDS))
    context = {"today": today, "page": page, "charts": charts.of(today), "invidious": settings.INVIDIOUS_URL}
    return show(request, "quota", context)


class SignIn(LoginView):
    template_name = "dashboard/sign_in.html"
    redirect_authenticated_user = True

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        # A page that keeps itself up to date was sent here when its session ended: it has to come as a whole.
        if "HX-Request" in request.headers:
            return HttpResponseClientRefresh()
        return super().get(request, *args, **kwargs)


def page_of(request: HttpRequest, paginator: Paginator) -> Page:
    return paginator.get_page(request.GET.get("page"))


def show(request: PageRequest, page: str, context: dict[str, Any]) -> HttpResponse:
    """Answer with the whole page, or to htmx with that part of it which keeps itself up to date."""
    response = render(request, f"dashboard/{page}{'_living' if request.htmx else ''}.html", context)
    patch_vary_headers(response, ["HX-Request"])
    return response
