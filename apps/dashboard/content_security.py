"""Content-Security-Policy: pages load nothing but this server's own files, and thumbnails."""

from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse


def policy() -> str:
    """Return the policy; thumbnails come from YouTube, or from whatever server stands in for it."""
    youtube = urlsplit(settings.YOUTUBE_API_URL)
    images = f"'self' data: https://i.ytimg.com {youtube.scheme}://{youtube.netloc}"
    if settings.DEMO:
        # Where containers know the simulator by a name of their own, browsers find it on this machine.
        images += f" http://127.0.0.1:{settings.SIMULATOR_PORT}"
    return (
        f"default-src 'self'; img-src {images}; object-src 'none'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    )


class ContentSecurityPolicyMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.policy = policy()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        address = request.resolver_match
        # The page of Swagger UI styles itself in its head.
        own_style = "; style-src 'self' 'unsafe-inline'" if address and address.view_name == "docs" else ""
        response.headers.setdefault("Content-Security-Policy", self.policy + own_style)
        return response
