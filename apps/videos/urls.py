from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.routers import SimpleRouter

from apps.videos import views

# The closing slash is a habit of Django's, not of everybody's.
router = SimpleRouter(trailing_slash="/?")  # type: ignore[arg-type]
router.register("keywords", views.KeywordViewSet)
router.register("videos", views.VideoViewSet)
router.register("logs", views.VideoLogViewSet)

urlpatterns = [
    re_path(r"^ping/?$", views.ping, name="ping"),
    # Any text is a keyword, slashes and line breaks included, so this one takes all up to the last "/videos/".
    re_path(r"^api/keyword/(?P<keyword>[\s\S]+)/videos/?$", views.KeywordVideos.as_view(), name="keyword-videos"),
    path("api/", include(router.urls)),
    re_path(r"^api/quota/?$", views.QuotaView.as_view(), name="quota"),
    re_path(r"^api/schema/?$", SpectacularAPIView.as_view(), name="schema"),
    re_path(r"^api/docs/?$", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="docs"),
    re_path(r"^api/[\s\S]*$", views.UnknownAddress.as_view()),
]
