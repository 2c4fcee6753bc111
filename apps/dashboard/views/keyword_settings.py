"""A keyword's interval and weight, and what they change for all keywords; its notifications."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from apps.dashboard.forms import KeywordSettingsForm
from apps.dashboard.views.pages import PageRequest, require_get_post, write_required
from apps.videos.models import KeyWordEntry
from apps.videos.scheduling.plan import effect_of


@require_get_post
@write_required
def keyword_settings(request: PageRequest, pk: int) -> HttpResponse:
    """Show the settings; POST saves them, or with `preview` shows only what they would change."""
    entry = get_object_or_404(KeyWordEntry, pk=pk)
    form = KeywordSettingsForm(request.POST if request.method == "POST" else None, instance=entry)
    context: dict[str, Any] = {"entry": entry, "form": form, "is_preview": False}
    if form.is_valid():
        if "preview" not in request.POST:
            entry.change(**form.cleaned_data)
            messages.success(request, "Saved.")
            return redirect("keyword", pk)
        context |= {
            "is_preview": True,
            "effect": effect_of(entry, form.cleaned_data["interval"], form.cleaned_data["weight"]),
        }
    return render(request, "dashboard/keyword_settings.html", context)
