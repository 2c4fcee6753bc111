"""The fetch log."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from apps.dashboard.log_filters import LogFilterForm, folded
from apps.dashboard.views.pages import FETCHES, PageRequest, page_of, render_page, short_address
from apps.videos.models import KeyWordEntry, VideoLog
from apps.videos.pagination import ShortCountPaginator


@require_safe
@short_address
def log(request: PageRequest, pk: int | None = None) -> HttpResponse:
    """The fetch log of all keywords or one, newest first; fetches that found nothing new are folded unless `each`."""
    entry = get_object_or_404(KeyWordEntry, pk=pk) if pk else None
    logs = (entry.logs if entry else VideoLog.objects).newest_first()
    filters = LogFilterForm(request, logs, of_keyword=bool(entry))
    page = page_of(request, ShortCountPaginator(filters.rows(), FETCHES))
    each = "each" in request.GET
    context = {"entry": entry, "filters": filters, "page": page, "each": each}
    return render_page(request, "log", context | {"fetches": page if each else folded(page)})
