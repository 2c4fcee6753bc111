"""What monitoring asks for: whether all parts work, and metrics."""

from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.incidents import parts
from apps.videos.errors import problem
from apps.videos.filters import KnownParameters
from apps.videos.metrics import Metrics
from apps.videos.renderers import OneFormat


class PartSerializer(serializers.Serializer[parts.PartHealth]):
    ok = serializers.BooleanField()
    age = serializers.IntegerField(help_text="Seconds since it was last seen to work.")
    detail = serializers.CharField(help_text="What is wrong; empty if nothing is.")


class HealthSerializer(serializers.Serializer[Any]):
    status = serializers.CharField(help_text="success")
    parts = serializers.DictField(
        child=PartSerializer(), help_text="Each part: `database`, `broker`, `worker`, `beat` and `disk`."
    )


class HealthView(KnownParameters):
    """Whether all parts work, as the web server saw it last: it looks every 15 seconds, so this answers at once.

    A part that has not worked for a minute is failing. Health checks do not sign in.
    """

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []
    throttle_classes: list[Any] = []

    @extend_schema(
        operation_id="get_health",
        summary="Check whether all parts work",
        tags=["service"],
        responses=HealthSerializer,
    )
    def get(self, request: Request) -> HttpResponse:
        health = parts.health()
        body = HealthSerializer({"status": "success", "parts": health}).data
        failing = [f"{part.detail}." for part in health.values() if not part.ok]
        if failing or not health:
            return problem(503, " ".join(failing) or "This web server does not watch the parts.", parts=body["parts"])
        return Response(body)


class MetricsView(KnownParameters):
    """Metrics for Prometheus, in its text format, from the database: each web process has the same."""

    content_negotiation_class = OneFormat

    @extend_schema(
        operation_id="get_metrics",
        summary="Show metrics for Prometheus",
        tags=["service"],
        responses={(200, "text/plain"): OpenApiTypes.STR},
    )
    def get(self, request: Request) -> HttpResponse:
        registry = CollectorRegistry(auto_describe=False)
        registry.register(Metrics())
        headers = {"Cache-Control": "no-store"}
        return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST, headers=headers)
