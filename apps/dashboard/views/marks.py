"""Marking videos as seen, starred or hidden."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.defaultfilters import pluralize
from django.urls import reverse
from django.views.decorators.http import require_POST

from apps.dashboard.views.pages import CARDS, PageRequest, came_from, say_with_undo, write_required
from apps.videos import marks
from apps.videos.models import Video

SAYS = {
    ("seen", True): "Marked as seen.",
    ("seen", False): "Marked as not seen.",
    ("starred", True): "Starred.",
    ("starred", False): "Star removed.",
    ("hidden", True): "Hidden from lists.",
    ("hidden", False): "Shown again.",
}


@require_POST
@write_required
def mark(request: PageRequest, video: str) -> HttpResponse:
    """Set or clear the marks that the form names; show the card again, or go back to the list."""
    get_object_or_404(Video, pk=video)
    chosen = {name: request.POST[name] == "true" for name in marks.MARKS if name in request.POST}
    marks.mark([video], **chosen)
    address = came_from(request) or reverse("home")
    if request.htmx:
        card = "hidden_card" if chosen.get("hidden") else "card"
        marked = get_object_or_404(Video.objects.with_keywords(), pk=video)
        of_page = {"back": address, "of_keyword": request.POST.get("of_keyword", "")}
        return render(request, f"dashboard/{card}.html", {"video": marked} | of_page)
    summary = " ".join(SAYS[name, value] for name, value in chosen.items())
    if chosen.get("hidden"):  # its card, which undoes other marks, is gone
        say_with_undo(request, summary, reverse("video-marks", args=[video]), next=address, hidden="false")
    else:
        messages.success(request, summary)
    return redirect(address)


@require_POST
@write_required
def mark_page(request: PageRequest) -> HttpResponse:
    """Mark the videos of a page as seen, or not seen again to undo that."""
    # PostgreSQL cannot compare NUL with anything.
    ids, seen = request.POST.get("video_ids", "").replace("\0", " ").split()[:CARDS], request.POST.get("seen") == "true"
    unseen = list(Video.objects.filter(pk__in=ids, seen_at=None).values_list("pk", flat=True))
    changed = marks.mark(unseen if seen else ids, seen=seen)
    address = came_from(request) or reverse("home")
    if seen and changed:
        summary = f"{changed:,} video{pluralize(changed)} marked as seen."
        given = {"video_ids": " ".join(unseen), "next": address, "seen": "false"}
        say_with_undo(request, summary, reverse("videos-marks"), **given)
    else:
        messages.info(request, "All are marked as seen already." if seen else "Marked as not seen again.")
    return redirect(address)
