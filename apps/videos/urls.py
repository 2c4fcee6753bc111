from csp.constants import UNSAFE_INLINE
from csp.decorators import csp_update
from django.urls import include, path, re_path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularRedocView, SpectacularSwaggerSplitView
from rest_framework.routers import SimpleRouter

from apps.videos import monitoring, views
from apps.videos.errors import PROBLEMS
from apps.videos.feeds import HasFeedToken
from apps.videos.schema import SchemaView

router = SimpleRouter()
# With and without the closing slash. A redirect would lose the body of a POST, and the argument can only be a bool.
router.trailing_slash = "/?"
router.register("keywords", views.KeywordViewSet)
router.register("videos", views.VideoViewSet)
router.register("logs", views.VideoLogViewSet)
router.register("rules", views.RuleViewSet)

# Swagger UI and Redoc add styles to the page's head, and Swagger UI has icons in its own style sheet.
styled = csp_update({"style-src": [UNSAFE_INLINE], "img-src": ["data:"]})
docs = styled(SpectacularSwaggerSplitView.as_view(template_name="videos/docs.html"))
redoc = styled(SpectacularRedocView.as_view(template_name="videos/redoc.html"))
# Where reading needs an account, people who open these pages are asked to sign in.
docs.login_required = redoc.login_required = True  # type: ignore[attr-defined]

# At these addresses a token is enough.
private = {"authentication_classes": [], "permission_classes": [HasFeedToken], "schema": None}

# All videos, or those of one keyword.
LIST = r"(?P<list>videos|keywords/[0-9]{1,18})"

urlpatterns = [
    re_path(r"^ping/?$", views.PingView.as_view(), name="ping"),
    re_path(r"^healthz/?$", monitoring.HealthView.as_view(), name="healthz"),
    re_path(r"^metrics/?$", monitoring.MetricsView.as_view(), name="metrics"),
    re_path(r"^docs/?$", RedirectView.as_view(pattern_name="docs")),
    re_path(r"^redoc/?$", RedirectView.as_view(pattern_name="redoc")),
    re_path(r"^api/?$", views.EndpointsView.as_view(), name="endpoints"),
    # A keyword may contain slashes and line breaks, so it extends to the last "/videos/".
    re_path(r"^api/keyword/(?P<keyword>[\s\S]+)/videos/?$", views.KeywordVideos.as_view(), name="keyword-videos"),
    re_path(r"^api/videos/feed/?$", views.VideoFeed.as_view(), name="video-feed"),
    re_path(r"^api/keywords/(?P<pk>[0-9]{1,18})/feed/?$", views.KeywordFeed.as_view(), name="keyword-feed"),
    re_path(
        r"^api/private/(?P<token>[^/]+)/videos/feed/?$", views.VideoFeed.as_view(**private), name="private-video-feed"
    ),
    re_path(
        r"^api/private/(?P<token>[^/]+)/keywords/(?P<pk>[0-9]{1,18})/feed/?$",
        views.KeywordFeed.as_view(**private),
        name="private-keyword-feed",
    ),
    re_path(r"^api/videos/export\.(?P<type>csv|jsonl|txt)$", views.VideoExport.as_view(), name="video-export"),
    re_path(
        r"^api/keywords/(?P<pk>[0-9]{1,18})/export\.(?P<type>csv|jsonl|txt)$",
        views.KeywordExport.as_view(),
        name="keyword-export",
    ),
    re_path(rf"^api/{LIST}/export(?P<ending>[./][\s\S]*)?$", views.OtherExport.as_view()),
    re_path(rf"^api/{LIST}/feed(?P<ending>[./][\s\S]+)$", views.OtherFeed.as_view()),
    path("api/", include(router.urls)),
    re_path(r"^api/quota/?$", views.QuotaView.as_view(), name="quota"),
    re_path(r"^api/stats/?$", views.StatisticsView.as_view(), name="stats"),
    re_path(r"^api/schema/?$", SchemaView.as_view(), name="schema"),
    re_path(r"^api/docs/?$", docs, name="docs"),
    re_path(r"^api/redoc/?$", redoc, name="redoc"),
    re_path(rf"^api/problems/(?P<code>{'|'.join(PROBLEMS)})/?$", views.describe_problem, name="problem"),
    re_path(r"^api/[\s\S]*$", views.NotFoundView.as_view()),
]
