"""All URLs."""

from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path, re_path

from config.demo import thumbnail

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", admin.site.urls),
    path("", include("apps.videos.urls")),
    path("", include("apps.dashboard.urls")),
]
if settings.DEMO:
    urlpatterns.append(re_path(r"^vi/([A-Za-z0-9_-]{1,16})/([a-z0-9_]{1,20}\.jpg)$", thumbnail))

handler400 = "apps.dashboard.errors.bad_request"
handler500 = "apps.dashboard.errors.server_error"
