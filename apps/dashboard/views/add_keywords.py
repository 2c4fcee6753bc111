"""Adding many keywords: what adding them would do, then the addition."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.template.defaultfilters import pluralize

from apps.dashboard.forms import AddManyForm
from apps.dashboard.views.pages import PageRequest, require_get_post, write_required
from apps.videos import bulk, keyword_lists
from apps.videos.bulk import Item, Outcome
from apps.videos.models import KeyWordEntry
from apps.videos.scheduling.plan import cost_of_adding


@require_get_post
@write_required
def add_keywords(request: PageRequest) -> HttpResponse:
    """A box for keywords, one a line; POST shows what adding them would do, or adds them."""
    if request.method != "POST":
        return render(request, "dashboard/add_keywords.html", {"form": AddManyForm()})
    form = AddManyForm(request.POST, request.FILES)
    if not form.is_valid():
        return render(request, "dashboard/add_keywords.html", {"form": form})
    items, interval = form.cleaned_data["items"], form.cleaned_data["interval"]
    if "add" not in request.POST:
        bulk.review(items)
        return render_reviewed(request, form.cleaned_data["text"], interval, items, is_added=False)
    bulk.add(items)
    if any(item.outcome == Outcome.REFUSED for item in items):
        left = keyword_lists.lines_of(
            (item for item in items if item.outcome == Outcome.REFUSED), form.cleaned_data["text"]
        )
        return render_reviewed(request, left, interval, items, is_added=True)
    of = {name: len(some) for name, some in by_outcome(items).items()}
    parts = [f"Added {of['new']:,} keyword{pluralize(of['new'])}."]
    if of["known"]:
        parts.append(f"{of['known']:,} {pluralize(of['known'], 'is,are')} known already.")
    if of["repeated"]:
        parts.append(f"{of['repeated']:,} line{pluralize(of['repeated'], ' repeats,s repeat')} another.")
    messages.success(request, " ".join(parts))
    return redirect("keywords")


def render_reviewed(
    request: PageRequest, text: str, interval: int | None, items: list[Item], *, is_added: bool
) -> HttpResponse:
    """Show what became of `items`, or would, with `text` in the box."""
    context: dict[str, Any] = by_outcome(items)
    new = [item.chosen.get("interval") for item in items if item.outcome == Outcome.NEW and is_watched(item)]
    if new and not is_added:
        context["cost"] = cost_of_adding(intervals=new)
    form = AddManyForm(initial={"keywords": text, "interval": interval})
    return render(
        request, "dashboard/add_keywords.html", context | {"form": form, "is_added": is_added, "items": items}
    )


def by_outcome(items: list[Item]) -> dict[str, list[Item]]:
    """Return the `items` by what became of them; lines that repeat an earlier one are apart."""
    once = [item for item in items if not item.repeats]
    found = {outcome: [item for item in once if item.outcome == outcome] for outcome in Outcome.values}
    return found | {"repeated": [item for item in items if item.repeats]}


def is_watched(item: Item) -> bool:
    return item.chosen.get("state") != KeyWordEntry.State.PAUSED
