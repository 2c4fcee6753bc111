"""The plan in words, and what a manual fetch would use."""

from typing import Any

from django import template
from django.template import Context

from apps.dashboard import plan_text
from apps.videos.fetching import manual
from apps.videos.models import KeyWordEntry
from apps.videos.scheduling.report import SchedulingReport

register = template.Library()
register.filter("reason", plan_text.reason)
register.filter("together", plan_text.together)
register.filter("audited", plan_text.audited)
register.filter("about", plan_text.about)
register.filter("at_most", plan_text.at_most)
register.filter("search_rate", plan_text.search_rate)
register.filter("waits", KeyWordEntry.waits)


@register.filter
def planned_of(today: SchedulingReport, entry: KeyWordEntry) -> float:
    """Return the searches of a keyword until the reset."""
    return today.planned_of(entry)


@register.inclusion_tag("dashboard/fetch_now.html", takes_context=True)  # for its CSRF token
def fetch_now(context: Context, entry: KeyWordEntry) -> dict[str, Any]:
    """Show the button that fetches a keyword, with what that uses, or until when it waits; two queries."""
    return {"entry": entry, "cost": manual.cost_of_fetching()}
