"""The pages: each view looks up, acts and renders. The rules are in the models."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import LoginView, redirect_to_login
from django.core.paginator import Page, Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRefresh
from django_htmx.middleware import HtmxDetails

from apps.dashboard import charts
from apps.dashboard.forms import AddKeywordForm, IntervalForm, TokenForm
from apps.dashboard.video_filters import VideoFilterForm
from apps.videos.access import may_write
from apps.videos.fetching import manual
from apps.videos.models import ApiToken, KeyWordEntry, Video, VideoLog
from apps.videos.pagination import ShortCountPaginator
from apps.videos.scheduling import report
from apps.videos.scheduling.plan import cost_of_adding

# A preview is shown after so many seconds even if the search is not over: the page then refreshes itself.
PREVIEW_SECONDS = 5

CARDS = 24
FETCHES = 50
KEYWORDS = 100
KEYWORDS_AT_HOME = 20

require_get_post = require_http_methods(["GET", "HEAD", "POST"])


class PageRequest(HttpRequest):
    """A request with the attributes that middleware adds."""

    htmx: HtmxDetails


def write_required(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Require permission to change things; others sign in and return to the page of the form."""

    @wraps(view)
    def guarded(request: PageRequest, **kwargs: Any) -> HttpResponse:
        if may_write(request):
            try:
                return view(request, **kwargs)
            except KeyWordEntry.DoesNotExist as deleted:
                raise Http404(str(deleted)) from deleted
        return redirect_to_login(reverse("keyword", args=[kwargs["pk"]]) if "pk" in kwargs else reverse("home"))

    return guarded


def short_address(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Redirect from the address that a form of filters makes to the one without its empty fields."""

    @wraps(view)
    def shortened(request: PageRequest, **kwargs: Any) -> HttpResponse:
        if request.method == "POST" or "" not in request.GET.values():
            return view(request, **kwargs)
        given = request.GET.copy()
        for name in [name for name, value in given.items() if not value]:
            del given[name]
        return redirect(f"{request.path}{'?' if given else ''}{given.urlencode()}")

    return shortened


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


@require_safe
def keywords(request: PageRequest) -> HttpResponse:
    """All keywords."""
    page = page_of(request, Paginator(KeyWordEntry.objects.kept().with_last_log(), KEYWORDS))
    return render_page(request, "keywords", {"page": page, "keywords": page})


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
    page = page_of_videos(request, filters)
    context = {"entry": entry, "form": form, "filters": filters, "page": page, "videos": page}
    context["under_way"] = entry.logs.under_way(timezone.now()).filter(waiting_until=None).exists()
    if entry.state == KeyWordEntry.State.PREVIEWED and not request.htmx:
        context["cost"] = cost_of_adding(entry.rate)
    return render_page(request, "keyword", context | {"gaps": entry.gaps.filter(late=False)})


@require_POST
@write_required
def fetch(request: PageRequest, pk: int) -> HttpResponse:
    manual.fetch_now(get_object_or_404(KeyWordEntry, pk=pk))
    messages.success(request, "Searching now. Results appear below.")
    return redirect("keyword", pk)


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


@require_safe
def quota(request: PageRequest) -> HttpResponse:
    """Today's quota, the plan of searches, and the searches used."""
    today = report.today()
    page = page_of(request, Paginator(today.plan, KEYWORDS))
    context = {"today": today, "page": page, "charts": charts.of(today), "invidious": settings.INVIDIOUS_URL}
    return render_page(request, "quota", context)


@require_get_post
@login_required
@never_cache
def tokens(request: PageRequest) -> HttpResponse:
    """The account's API tokens; POST creates one, which only the response shows."""
    form = TokenForm(request.POST if request.method == "POST" else None)
    context: dict[str, Any] = {"tokens": ApiToken.objects.filter(user=request.user)}
    if form.is_valid():
        context["created"], context["text"] = ApiToken.objects.create(request.user, **form.cleaned_data)
        form = TokenForm()
    return render(request, "dashboard/tokens.html", {**context, "form": form})


@require_get_post
@login_required
def revoke(request: PageRequest, pk: int) -> HttpResponse:
    """Ask for confirmation; POST revokes the token."""
    token = get_object_or_404(ApiToken, pk=pk, user=request.user)
    if request.method != "POST":
        return render(request, "dashboard/revoke.html", {"token": token})
    token.delete()
    messages.success(request, f"Revoked “{token.name}”.")
    return redirect("tokens")


class SignIn(LoginView):
    template_name = "dashboard/sign_in.html"
    redirect_authenticated_user = True

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        # A page that refreshes itself was redirected here when its session ended: it has to reload as a whole.
        if "HX-Request" in request.headers:
            return HttpResponseClientRefresh()
        return super().get(request, *args, **kwargs)

    def get_redirect_url(self, *args: Any, **kwargs: Any) -> str:
        url = super().get_redirect_url(*args, **kwargs)
        # Not back to this page: a signed-in user would be redirected in a loop.
        return "" if urlsplit(url).path == self.request.path else url


def page_of(request: HttpRequest, paginator: Paginator) -> Page:
    return paginator.get_page(request.GET.get("page"))


def page_of_videos(request: HttpRequest, filters: VideoFilterForm) -> Page:
    """Return the requested page of the videos that `filters` choose, with their keywords."""
    ids = filters.rows().values_list("video_id", flat=True)
    page = page_of(request, ShortCountPaginator(ids, CARDS, **filters.counted()))
    page.object_list = Video.objects.with_keywords().in_order_of(page.object_list)
    return page


def render_page(request: PageRequest, page: str, context: dict[str, Any]) -> HttpResponse:
    """Render the whole page, or for htmx only the part that refreshes."""
    response = render(request, f"dashboard/{page}{'_live' if request.htmx else ''}.html", context)
    patch_vary_headers(response, ["HX-Request"])
    return response
