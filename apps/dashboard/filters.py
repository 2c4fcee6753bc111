"""Filters above a list: a form with the names and values of the REST API's filters, which it uses."""

import re
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.db.models import QuerySet
from django.forms.utils import flatatt
from django.http import HttpRequest, QueryDict
from django.template.defaultfilters import truncatechars
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from rest_framework.exceptions import NotFound, ValidationError

from apps.dashboard.times import date_and_time
from apps.videos.filters import Filters

DAY = r"\d{4}-\d\d-\d\d"


class SelectWidget(forms.Select):
    """A list of options, without Django's templates of widgets: with them, a tenth of a page's time was spent here."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        chosen = "" if value is None else str(value)
        options = format_html_join(
            "\n",
            '<option value="{}"{}>{}</option>',
            ((option, mark_safe(" selected") if option == chosen else "", label) for option, label in self.choices),
        )
        given = flatatt(self.build_attrs({"name": name, **self.attrs}, attrs))
        return format_html("<select{}>\n{}\n</select>", given, options)


class Select(forms.ChoiceField):
    widget = SelectWidget

    def __init__(self, options: dict[Any, str], **kwargs: Any) -> None:
        super().__init__(required=False, **kwargs)
        self.offer(options)

    def offer(self, options: dict[Any, str]) -> None:
        self.options = {str(value): label for value, label in options.items()}
        self.choices = self.options

    def show(self, value: str) -> None:
        """Show a value of the address, also one that is not among the options."""
        self.choices = self.options if value in self.options else {value: value} | self.options

    def in_words(self, value: str) -> str:
        return self.options.get(value, value)


class Text(forms.CharField):
    widget = forms.TextInput(attrs={"dir": "auto"})

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, **kwargs)

    def in_words(self, value: str) -> str:
        return truncatechars(value, 40)


class Date(forms.CharField):
    widget = forms.DateInput(attrs={"type": "date"})

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, **kwargs)

    def show(self, value: str) -> None:
        """Show a value of the address, also one with a time of day."""
        if not re.fullmatch(DAY, value):
            self.widget.attrs["type"] = "text"

    def in_words(self, value: str) -> str:
        """Return a date as it is, and a time as pages show it."""
        if re.fullmatch(DAY, value):
            return value
        try:
            return date_and_time(datetime.fromisoformat(value).astimezone(UTC))
        except (ValueError, OverflowError):
            return value


def without_empty(query: QueryDict) -> QueryDict:
    """Return what was chosen by a form, without the fields that were left empty."""
    given = query.copy()
    for name in [name for name, value in query.items() if not value]:
        del given[name]
    return given


class FilterForm(forms.Form):
    """What the address of a page chooses: `given`. Empty values are left out, as they are in the address.

    A subclass has the fields, and sets `filters` to the REST API's filters of the same names.
    """

    filters: Filters

    def __init__(self, request: HttpRequest, *, leave_out: Collection[str] = ()) -> None:
        names = self.base_fields.keys() - set(leave_out)
        self.given = without_empty(request.GET)
        for name in self.given.keys() - names:
            del self.given[name]
        super().__init__(self.given, auto_id="filter-%s")
        for name in leave_out:
            del self.fields[name]
        for name, value in self.given.items():
            if isinstance(field := self.fields[name], (Select, Date)):
                field.show(str(value))

    def clean(self) -> None:
        try:
            self._check()
        except NotFound:
            self.add_error("keyword", "There is no such keyword.")
            # The others were not checked any more.
            checked = self.filters.form
            del checked.fields["keyword"]
            checked.full_clean()
            self._check()

    def _check(self) -> None:
        try:
            self.filters.check()
        except ValidationError as refused:
            for name, messages in dict(refused.detail).items():  # type: ignore[arg-type]
                self.add_error(name, list(map(str, messages)))

    def rows(self) -> QuerySet[Any]:
        """Return the rows; none if a filter is invalid."""
        return self.filters.rows() if self.is_valid() else self.filters.queryset.none()

    @property
    def address(self) -> str:
        """The query of the page's address, in one form for one choice; empty: everything, in the usual order."""
        return urlencode(sorted(self.given.items()))
