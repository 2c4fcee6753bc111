from django.contrib.auth.views import LogoutView
from django.urls import path

from apps.dashboard.views import (
    account,
    fetch_now,
    home,
    keyword,
    keyword_settings,
    keywords,
    log,
    marks,
    quota,
    saved_views,
    settings,
    video,
)
from apps.videos.models import KeyWordEntry

urlpatterns = [
    path("", home.home, name="home"),
    path("preview/", home.preview, name="preview"),
    path("keywords/", keywords.keywords, name="keywords"),
    path("keywords/<int:pk>/", keyword.keyword, name="keyword"),
    path("keywords/<int:pk>/log/", log.log, name="keyword-log"),
    path("keywords/<int:pk>/fetch/", fetch_now.fetch, name="keyword-fetch"),
    path("keywords/<int:pk>/pause/", keyword.set_state, {"state": KeyWordEntry.State.PAUSED}, name="keyword-pause"),
    path("keywords/<int:pk>/resume/", keyword.set_state, {"state": KeyWordEntry.State.WATCHED}, name="keyword-resume"),
    path("keywords/<int:pk>/delete/", keyword.delete, name="keyword-delete"),
    path("videos/marks/", marks.mark_page, name="videos-marks"),
    path("videos/<str:pk>/", video.video, name="video"),
    path("videos/<str:video>/marks/", marks.mark, name="video-marks"),
    path("views/", saved_views.save, name="view-save"),
    path("views/<int:view>/delete/", saved_views.delete, name="view-delete"),
    path("keywords/<int:pk>/settings/", keyword_settings.keyword_settings, name="keyword-settings"),
    path("quota/", quota.quota, name="quota-page"),
    path("log/", log.log, name="log"),
    path("settings/", settings.overview, name="settings"),
    path("settings/appearance/", settings.appearance, name="appearance"),
    path("settings/notification-test/", settings.test_notifications, name="notification-test"),
    path("settings/feed-address/", settings.create_feed_address, name="feed-address"),
    path("settings/feed-address/<str:change>/", settings.change_feed_address, name="feed-address-change"),
    path("tokens/", account.tokens, name="tokens"),
    path("tokens/<int:pk>/revoke/", account.revoke, name="token-revoke"),
    path("sign-in/", account.SignIn.as_view(), name="sign-in"),
    path("sign-out/", LogoutView.as_view(next_page="home"), name="sign-out"),
]
