"""The list of keywords, and changing many of them at once."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.defaultfilters import pluralize
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from apps.dashboard.forms import ManyForm
from apps.dashboard.keyword_filters import KeywordFilterForm
from apps.dashboard.times import span
from apps.dashboard.views.pages import (
    KEYWORDS,
    PageRequest,
    render_page,
    require_get_post,
    say_with_undo,
    short_address,
    write_required,
)
from apps.videos import bulk, keyword_lists
from apps.videos.models import KeyWordEntry, KeyWordEntryQuerySet

State = KeyWordEntry.State


@require_get_post
@short_address
def keywords(request: PageRequest) -> HttpResponse:
    """All keywords, or those that the address chooses; POST changes those that are selected."""
    return change(request) if request.method == "POST" else render_keywords(request, ManyForm())


@write_required
def change(request: PageRequest) -> HttpResponse:
    form = ManyForm(request.POST)
    if not form.is_valid():
        return render_keywords(request, form)
    ids, filters = form.cleaned_data["id"], KeywordFilterForm(request)
    chosen = filters.rows() if form.cleaned_data["all"] else KeyWordEntry.objects.filter(pk__in=ids)
    summary, done = carry_out(chosen, form.cleaned_data)
    say(request, summary, done)
    return redirect(f"{reverse('keywords')}{with_page(request)}")


def carry_out(chosen: KeyWordEntryQuerySet, asked: dict[str, Any]) -> tuple[str, bulk.Change]:
    """Do what was `asked` with the `chosen` keywords; return a sentence about it, and what was changed."""
    match asked["action"]:
        case "delete":
            done = bulk.delete(chosen)
            wait = span(round(bulk.UNDO_FOR.total_seconds()))
            return f"Deleted {number(done)}. Videos found by no other keyword are removed in {wait}.", done
        case "interval":
            done, to = bulk.change(chosen, "interval", asked["interval"]), asked["interval"]
            return f"Set the interval of {number(done)} to {span(to, 4) if to else 'the default'}.", done
        case "weight":
            done = bulk.change(chosen, "weight", asked["weight"])
            return f"Set the weight of {number(done)} to {asked['weight']}.", done
        case "pause":
            done = bulk.change(chosen, "state", State.PAUSED)
            return f"Paused {number(done)}.", done
        case _:
            done = bulk.change(chosen, "state", State.WATCHED)
            return f"Now watching {number(done)}.", done


def number(done: bulk.Change) -> str:
    return f"{done.number:,} keyword{pluralize(done.number)}"


def say(request: PageRequest, summary: str, done: bulk.Change) -> None:
    """Show the summary on the next page, with a form that undoes the change."""
    if not done.number:
        messages.info(request, "Nothing changed: the selected keywords are like this already.")
        return
    if token := bulk.keep(done):
        say_with_undo(request, summary, reverse("keywords-undo") + with_page(request), token=token)
    else:
        messages.success(request, summary)


@require_POST
@write_required
def undo(request: PageRequest) -> HttpResponse:
    """Undo a change of many keywords."""
    done = bulk.take(request.POST.get("token", ""))
    restored = bulk.undo(done) if done else 0
    if done is None:
        messages.info(request, "It is too late to undo this.")
    elif restored == done.number:
        messages.success(request, f"Undone: {number(done)} {'is' if restored == 1 else 'are'} as before.")
    else:
        messages.info(request, f"Undone for {restored:,} of {number(done)}. The others have changed since.")
    return redirect(f"{reverse('keywords')}{with_page(request)}")


def render_keywords(request: PageRequest, form: ManyForm) -> HttpResponse:
    filters = KeywordFilterForm(request)
    page = filters.page(request.GET.get("page"), KEYWORDS)
    context = {
        "filters": filters,
        "form": form,
        "chosen": set(form.cleaned_data.get("id", [])) if form.is_bound else (),
    }
    return render_page(request, "keywords", context | {"page": page, "keywords": page, "query": with_page(request)})


def with_page(request: HttpRequest) -> str:
    """Return the query of the address, also the number of the page, with its `?`."""
    return f"?{request.GET.urlencode()}" if request.GET else ""


@require_safe
def export(request: HttpRequest) -> HttpResponse:
    """The keywords that the address chooses as a CSV file, which the page for adding many reads again."""
    entries = KeywordFilterForm(request).rows().only(*keyword_lists.COLUMNS)
    name = f"windhover-keywords-{timezone.now():%Y%m%dT%H%M%SZ}.csv"
    headers = {
        "Content-Type": "text/csv; charset=utf-8; header=present",
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
    }
    return HttpResponse(keyword_lists.write(entries), headers=headers)
