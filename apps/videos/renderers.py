"""How responses of the REST API are written."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import orjson
from rest_framework.exceptions import ValidationError
from rest_framework.metadata import BaseMetadata
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.utils.encoders import JSONEncoder

from apps.videos.errors import one_of

if TYPE_CHECKING:  # the views import their metadata
    from rest_framework.views import APIView


class JSONRenderer(BaseRenderer):
    """Write JSON with orjson, which takes a tenth of the time of Python's json."""

    media_type = "application/json"
    format = "json"
    charset = None  # the bytes are UTF-8 already

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        """Return `data` as JSON; times as REST framework writes them, 2026-11-20T12:00:00Z."""
        if data is None:
            return b""
        return orjson.dumps(data, default=JSONEncoder().default, option=orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS)


class Negotiation(DefaultContentNegotiation):
    """Refuse a `format` that there is not as any other invalid value; REST framework answers that nothing was found."""

    def filter_renderers(self, renderers: Iterable[BaseRenderer], format: str) -> list[BaseRenderer]:
        formats = sorted({str(renderer.format) for renderer in renderers})
        if format not in formats:
            raise ValidationError({"format": one_of(formats)}, "invalid_choice")
        return [renderer for renderer in renderers if renderer.format == format]


class NoMetadata(BaseMetadata):
    """Answer OPTIONS with the header Allow only: the schema has the rest."""

    def determine_metadata(self, request: Request, view: "APIView") -> None:
        request.accepted_renderer = JSONRenderer()  # not the template of a page


class OneFormat(DefaultContentNegotiation):
    """Ignore `Accept`: the address says the format. Errors are JSON."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        if "format" in request.query_params:
            raise ValidationError({"format": "Unknown parameter: the address says the format."}, "unknown")
        renderer = next(iter(renderers))
        return renderer, renderer.media_type
