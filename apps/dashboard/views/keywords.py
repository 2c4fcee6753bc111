"""The list of keywords."""

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.views.decorators.http import require_safe

from apps.dashboard.views.pages import KEYWORDS, PageRequest, page_of, render_page
from apps.videos.models import KeyWordEntry


@require_safe
def keywords(request: PageRequest) -> HttpResponse:
    """All keywords."""
    page = page_of(request, Paginator(KeyWordEntry.objects.kept().with_last_log(), KEYWORDS))
    return render_page(request, "keywords", {"page": page, "keywords": page})
