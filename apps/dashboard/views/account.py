"""Signing in, and an account's API tokens."""

from typing import Any
from urllib.parse import urlsplit

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django_htmx.http import HttpResponseClientRefresh

from apps.dashboard.forms import TokenForm
from apps.dashboard.views.pages import PageRequest, require_get_post
from apps.videos.models import ApiToken


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
