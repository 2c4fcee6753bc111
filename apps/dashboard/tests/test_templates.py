"""Templates of Jinja2, in which a method that is not called is neither called nor an error, but true."""

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.core.paginator import Page, Paginator
from django.forms import BoundField
from django.http import HttpRequest
from django.template import engines
from jinja2 import nodes

from apps.dashboard import forms
from apps.dashboard.keyword_filters import KeywordFilterForm
from apps.dashboard.video_filters import VideoFilterForm
from apps.incidents.models import Incident
from apps.quota.models import ApiKey
from apps.videos.models import ApiToken, HidingRule, KeyWordEntry, Match, Video, VideoLog
from apps.videos.scheduling.report import SchedulingReport

# What the names in templates are.
CLASSES: dict[str, list[type]] = {
    "entry": [KeyWordEntry],
    "field": [BoundField],
    "fetch": [VideoLog],
    "filters": [VideoFilterForm, KeywordFilterForm],
    "form": [forms.AddKeywordForm, forms.AddManyForm, forms.RuleForm],
    "incident": [Incident],
    "key": [ApiKey],
    "match": [Match],
    "page": [Page],
    "paginator": [Paginator],
    "request": [HttpRequest],
    "rule": [HidingRule],
    "today": [SchedulingReport],
    "token": [ApiToken],
    "user": [User],
    "video": [Video],
}
environment = engines["jinja2"].env  # type: ignore[attr-defined]


def uncalled_methods(source: str) -> Iterator[str]:
    tree = environment.parse(source)
    called = {id(call.node) for call in tree.find_all(nodes.Call)}
    for read in tree.find_all(nodes.Getattr):
        name = read.node.attr if isinstance(read.node, nodes.Getattr) else getattr(read.node, "name", "")
        methods = [one for one in CLASSES.get(name, []) if callable(getattr(one, read.attr, None))]
        if methods and id(read) not in called:
            yield f"{name}.{read.attr}"


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("{% if entry.is_due %}", ["entry.is_due"]),
        ("{% if not page.paginator.get_page %}", ["paginator.get_page"]),
        ("{% if entry.is_due() and entry.is_due %}", ["entry.is_due"]),
        ("{% if entry.is_due() or video.is_hidden or entry.keyword %}", []),
    ],
)
def test_the_check_works(source: str, found: list[str]) -> None:
    assert list(uncalled_methods(f"{source}{{% endif %}}")) == found


def test_every_method_is_called() -> None:
    names = [name for name in environment.list_templates() if name.endswith(".html")]
    assert "dashboard/card.html" in names
    sources = {name: environment.loader.get_source(environment, name)[0] for name in names}
    assert {name: methods for name, source in sources.items() if (methods := list(uncalled_methods(source)))} == {}
