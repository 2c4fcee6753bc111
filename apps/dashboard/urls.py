from django.contrib.auth.views import LogoutView
from django.urls import path

from apps.dashboard import views
from apps.videos.models import KeyWordEntry

urlpatterns = [
    path("", views.home, name="home"),
    path("preview/", views.preview, name="preview"),
    path("keywords/", views.keywords, name="keywords"),
    path("keywords/<int:pk>/", views.keyword, name="keyword"),
    path("keywords/<int:pk>/log/", views.log_of_keyword, name="keyword-log"),
    path("keywords/<int:pk>/fetch/", views.fetch, name="keyword-fetch"),
    path("keywords/<int:pk>/pause/", views.set_state, {"state": KeyWordEntry.State.PAUSED}, name="keyword-pause"),
    path("keywords/<int:pk>/resume/", views.set_state, {"state": KeyWordEntry.State.WATCHED}, name="keyword-resume"),
    path("keywords/<int:pk>/delete/", views.delete, name="keyword-delete"),
    path("quota/", views.quota, name="quota-page"),
    path("log/", views.log, name="log"),
    path("tokens/", views.tokens, name="tokens"),
    path("tokens/<int:pk>/revoke/", views.revoke, name="token-revoke"),
    path("sign-in/", views.SignIn.as_view(), name="sign-in"),
    path("sign-out/", LogoutView.as_view(next_page="home"), name="sign-out"),
]
