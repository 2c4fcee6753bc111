"""How many requests a client may send to the REST API.

They are counted in each process of web, so up to twice as many pass two of them. To count in a file that both share
takes about as long as the page itself, a millisecond and more, and 20 while clients wait for each other's lock. This
machine has no limits.
"""

import time
from typing import TYPE_CHECKING

from django.core.cache import caches
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from core.networks import network_of
from core.proxies import is_loopback

if TYPE_CHECKING:  # the views import their throttles
    from rest_framework.views import APIView


class Throttle(SimpleRateThrottle):
    """A limit for each account, or for each address if no one is signed in."""

    cache = caches["throttles"]
    timer = time.monotonic  # the clock may be set back, and requests from the future would count until it catches up

    def counts(self, request: Request) -> bool:
        """Return whether this is a request of the kind that is limited."""
        raise NotImplementedError

    def get_cache_key(self, request: Request, view: "APIView") -> str | None:
        address = self.get_ident(request)
        if is_loopback(address) or not self.counts(request):
            return None
        client = request.user.pk if request.user.is_authenticated else network_of(address)
        return f"{self.scope} {client}".replace(" ", "-")


class AnonymousReads(Throttle):
    scope, rate = "read", "600/min"

    def counts(self, request: Request) -> bool:
        return request.method in SAFE_METHODS and not request.user.is_authenticated


class Writes(Throttle):
    scope, rate = "write", "300/min"

    def counts(self, request: Request) -> bool:
        return request.method not in SAFE_METHODS


class Previews(Writes):
    """Each new preview uses a search of the day."""

    scope, rate = "preview", "30/min"
