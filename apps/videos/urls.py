from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_update
from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.routers import SimpleRouter

from apps.videos import views

router = SimpleRouter()
# With and without the closing slash. A redirect would lose the body of a POST, and the argument can only be a bool.
router.trailing_slash = "/?"
router.register("keywords", views.KeywordViewSet)
router.register("videos", views.VideoViewSet)
router.register("logs", views.VideoLogViewSet)

# Swagger UI adds styles to the page's head. There is no template for OPTIONS.
docs = csp_update({"style-src": [SELF, UNSAFE_INLINE]})(
    SpectacularSwaggerSplitView.as_view(url_name="schema", http_method_names=["get", "head"])
)

urlpatterns = [
    re_path(r"^ping/?$", views.ping, name="ping"),
    # A keyword may contain slashes and line breaks, so it extends to the last "/videos/".
    re_path(r"^api/keyword/(?P<keyword>[\s\S]+)/videos/?$", views.KeywordVideos.as_view(), name="keyword-videos"),
    path("api/", include(router.urls)),
    re_path(r"^api/quota/?$", views.QuotaView.as_view(), name="quota"),
    re_path(r"^api/schema/?$", SpectacularAPIView.as_view(), name="schema"),
    re_path(r"^api/docs/?$", docs, name="docs"),
    re_path(r"^api/[\s\S]*$", views.NotFoundView.as_view()),
]
