"""Saving and deleting named choices of videos."""

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from apps.dashboard.forms import SavedViewForm
from apps.dashboard.views.pages import PageRequest, write_required
from apps.videos.models import SavedView


@require_POST
@write_required
def save(request: PageRequest) -> HttpResponse:
    """Save a choice of videos under a name, instead of an earlier one with this name."""
    form = SavedViewForm(request.POST)
    if form.is_valid():
        view, is_new = form.save()
        messages.success(request, f"Saved “{view}”." if is_new else f"Saved “{view}”, instead of the earlier view.")
    else:
        messages.error(request, f"Not saved. {' '.join(str(error) for field in form for error in field.errors)}")
    return redirect(f"{reverse('home')}?{QueryDict(request.POST.get('query', '')[:2_000]).urlencode()}")


@require_POST
@write_required
def delete(request: PageRequest, view: int) -> HttpResponse:
    saved = get_object_or_404(SavedView, pk=view)
    saved.delete()
    messages.success(request, f"Deleted the view “{saved}”.")
    return redirect(f"{reverse('home')}?{saved.query}")
