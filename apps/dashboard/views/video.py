"""One video: all that is known of it, and which keywords found it."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from apps.dashboard.views.pages import PageRequest
from apps.videos.models import Video


@require_safe
def video(request: PageRequest, pk: str) -> HttpResponse:
    return render(request, "dashboard/video.html", {"video": get_object_or_404(Video.objects.with_keywords(), pk=pk)})
