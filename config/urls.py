"""All URLs."""

from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path, re_path

from config.demo import thumbnail

admin.site.site_header = admin.site.site_title = "Windhover"
admin.site.index_title = "Admin"
admin.site.login_template = "dashboard/sign_in.html"
admin.site.enable_nav_sidebar = False  # so that columns fit; the lists are in a row below the header

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", admin.site.urls),
    path("", include("apps.videos.urls")),
    path("", include("apps.dashboard.urls")),
]
if settings.DEMO:
    urlpatterns.append(re_path(r"^vi/([A-Za-z0-9_-]{1,16})/([a-z0-9_]{1,20}\.jpg)$", thumbnail))

handler400 = "apps.dashboard.errors.bad_request"
handler403 = "apps.dashboard.errors.permission_denied"
handler404 = "apps.dashboard.errors.page_not_found"
handler500 = "apps.dashboard.errors.server_error"
