"""All of Windhover's addresses, and those of the views that it is compared with."""

import orjson
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from rest_framework.routers import SimpleRouter

import config.urls
from benchmarks.api.cases import cases
from benchmarks.api.naive import NaiveCSVExport, NaiveExport, NaiveFeed, NaiveStatistics, NaiveViewSet


def floor(request: HttpRequest, name: str) -> HttpResponse:
    """Answer with the rows of the case's SQL, as they come from the database."""
    statement = cases()[name].floor
    if statement is None:
        return HttpResponse(status=404)
    with connection.cursor() as cursor:
        cursor.execute(*statement)
        names = [column[0] for column in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return HttpResponse(orjson.dumps({"results": rows}), content_type="application/json")


router = SimpleRouter()
router.register("", NaiveViewSet)

urlpatterns = [
    path("floor/<name>/", floor),
    path("naive/feed/", NaiveFeed()),
    path("naive/feed/<int:keyword>/", NaiveFeed()),
    path("naive/stats/", NaiveStatistics.as_view()),
    path("naive/stats/<int:keyword>/", NaiveStatistics.as_view()),
    path("naive/export/jsonl/", NaiveExport.as_view({"get": "list"})),
    path("naive/export/csv/", NaiveCSVExport.as_view({"get": "list"})),
    path("naive/", include(router.urls)),
    *config.urls.urlpatterns,
]
handler400, handler500 = config.urls.handler400, config.urls.handler500
