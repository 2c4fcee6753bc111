"""Compressed responses."""

import re

from django.http import HttpRequest, HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.utils.cache import patch_vary_headers

# RFC 9110, section 12.4.2: what has a weight of 0 is not accepted. Django only looks for the name.
_REFUSED = re.compile(r"\bgzip\s*;\s*q=0(\.0*)?\s*(,|$)", re.IGNORECASE)


class CompressionMiddleware(GZipMiddleware):
    """Compress pages and JSON of more than 200 bytes.

    From the size of a compressed response one could guess what is secret in it, by searching for the guess (BREACH).
    In pages the only secrets are the CSRF token, which is masked differently each time, and an API token in the one
    response that shows it. Django also adds random bytes.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if response.headers.get("Content-Type", "").startswith("image/"):
            return response
        # A 304, which has no content, needs it, too.
        patch_vary_headers(response, ["Accept-Encoding"])
        if _REFUSED.search(request.headers.get("Accept-Encoding", "")):
            return response
        return super().process_response(request, response)
