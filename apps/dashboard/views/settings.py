"""What is configured, how pages look, notifications, and private feed addresses."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required, login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from apps.dashboard import configuration
from apps.dashboard.appearance import remember
from apps.dashboard.views.pages import PageRequest, came_from, require_get_post, write_required
from apps.incidents import notify
from apps.videos import notifications
from apps.videos.access import is_cross_site, may_write
from apps.videos.feeds import public_address
from apps.videos.models import ApiToken, FeedToken


@require_safe
@never_cache
def overview(request: PageRequest) -> HttpResponse:
    """All settings. What is configured is shown to those who may change things."""
    context: dict[str, Any] = {}
    if may_write(request):
        notified = notifications.number_of_keywords()
        context |= {
            "groups": configuration.groups(),
            "version": settings.VERSION,
            "addresses": notify.named(settings.NOTIFY_URLS, "NOTIFY_URLS"),
            "send_seconds": notify.SEND_SECONDS,
            "notified": notified,
            "any_notified": any(notified.values()),
        }
    if request.user.is_authenticated:
        token = FeedToken.objects.filter(user=request.user).first()
        context["feed_address"] = token and feed_address(request, token)
        context["tokens"] = ApiToken.objects.filter(user=request.user).count()
    return render(request, "dashboard/settings.html", context)


# Without Django's token, which would make each page differ from the last time, and could not be cached.
@require_POST
@csrf_exempt
@login_not_required
def appearance(request: PageRequest) -> HttpResponse:
    """Remember how pages look in this browser, and go back to the page `next`, if there is one."""
    if is_cross_site(request):
        raise PermissionDenied
    back = came_from(request)
    response = redirect(back) if back else HttpResponse(status=204)
    remember(response, theme=request.POST.get("theme", ""), thumbnails=request.POST.get("thumbnails", ""))
    return response


@require_POST
@write_required
def test_notifications(request: PageRequest) -> HttpResponse:
    """Send a test message to each address of NOTIFY_URLS, and say which accepted it."""
    accepted = notify.send("Windhover: test message", "Notifications from Windhover work.")
    for address, is_accepted in zip(notify.named(settings.NOTIFY_URLS, "NOTIFY_URLS"), accepted, strict=True):
        if is_accepted:
            messages.success(request, f"{address.name} accepted the test message.")
        else:
            messages.error(request, f"{address.name} did not accept the test message.")
    return redirect("settings")


@require_POST
@login_required
def create_feed_address(request: PageRequest) -> HttpResponse:
    """Create the account's private feed address, unless it has one."""
    if not FeedToken.objects.filter(user=request.user.pk).exists():
        FeedToken.renew(request.user)
    return redirect(f"{reverse('settings')}#feed")


@require_get_post
@login_required
def change_feed_address(request: PageRequest, change: str) -> HttpResponse:
    """Ask for confirmation; POST renews or revokes the account's private feed address."""
    if change not in ("renew", "revoke"):
        raise Http404
    if request.method != "POST":
        return render(request, "dashboard/feed_address.html", {"change": change})
    if change == "renew":
        FeedToken.renew(request.user)
        messages.success(request, "The feed address is a new one.")
    else:
        FeedToken.objects.filter(user=request.user.pk).delete()
        messages.success(request, "Revoked the feed address.")
    return redirect("settings")


def feed_address(request: PageRequest, token: FeedToken) -> str:
    return f"{public_address(request, reverse('private-video-feed', args=[token.text]))}/"
