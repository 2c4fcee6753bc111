"""Forms: keywords, intervals, saved views and tokens."""

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from apps.dashboard.templatetags.times import HOUR, MINUTE, UNITS, span
from apps.videos import keywords
from apps.videos.models import ApiToken, KeyWordEntry, SavedView
from apps.videos.scheduling.allocation import DAY

_UNITS = {
    1: "s sec secs second seconds",
    MINUTE: "m min mins minute minutes",
    HOUR: "h hr hrs hour hours",
    DAY: "d day days",
    7 * DAY: "w week weeks",
}
_SECONDS = {name: seconds for seconds, names in _UNITS.items() for name in names.split()}
_PART = r"([0-9]{1,9}) ?([a-z]+),? ?"


def read_span(text: str) -> int:
    """Return the seconds of a duration such as "90 s", "30 min", "1 h 30 min", "2 days". Raises ValueError."""
    text = keywords.normalize(text).removeprefix("every ")
    parts = re.findall(_PART, text)
    if not re.fullmatch(f"(?:{_PART})+", text) or any(name not in _SECONDS for _, name in parts):
        raise ValueError(text)
    return sum(int(number) * _SECONDS[name] for number, name in parts)


class IntervalField(forms.CharField):
    """An interval in words; empty or "default" means None: the default interval."""

    widget = forms.TextInput(attrs={"placeholder": "default", "list": "intervals", "autocomplete": "off"})

    def __init__(self) -> None:
        super().__init__(label="Interval", required=False)

    def prepare_value(self, value: Any) -> Any:
        return span(value, parts=len(UNITS)) if isinstance(value, int) else value

    def clean(self, value: Any) -> int | None:
        text = super().clean(value)
        if text.casefold() in ("", "default", "auto", "automatic"):
            return None
        try:
            seconds = read_span(text)
            KeyWordEntry._meta.get_field("interval").run_validators(seconds)
        except ValueError:
            raise ValidationError("Enter a duration such as 30 min, 2 h or 1 day, or leave it empty.") from None
        except ValidationError:
            raise ValidationError("Enter a duration from 1 s to 30 days.") from None
        return seconds


class AddKeywordForm(forms.Form):
    keyword = forms.CharField(
        strip=False,  # so that spaces alone give the same message as everywhere else
        error_messages={"required": "Enter a keyword."},
        widget=forms.TextInput(attrs={"autocomplete": "off", "dir": "auto"}),
    )
    interval = IntervalField()

    def clean_keyword(self) -> str:
        return keywords.check(self.cleaned_data["keyword"])

    def save(self) -> tuple[KeyWordEntry, bool]:
        """Return the entry and whether it is new; an existing one keeps its interval."""
        entry, is_new = KeyWordEntry.objects.watch(self.cleaned_data["keyword"], interval=self.cleaned_data["interval"])
        return entry, is_new


class SavedViewForm(forms.Form):
    name = forms.CharField(
        max_length=60,
        error_messages={"required": "Enter a name.", "max_length": "A name can have at most 60 characters."},
        widget=forms.TextInput(attrs={"autocomplete": "off", "dir": "auto"}),
    )
    query = forms.CharField(max_length=2_000, error_messages={"required": "Choose filters or an order first."})

    def save(self) -> tuple[SavedView, bool]:
        """Return the view and whether its name is new."""
        name, query = self.cleaned_data["name"], self.cleaned_data["query"]
        return SavedView.objects.update_or_create(name=name, defaults={"query": query})


class KeywordSettingsForm(forms.ModelForm):
    interval = IntervalField()

    class Meta:
        model = KeyWordEntry
        fields = ["interval", "weight", "notify"]


class TokenForm(forms.ModelForm):
    class Meta:
        model = ApiToken
        fields = ["name", "access"]
        error_messages = {"name": {"required": "Enter a name."}}
        widgets = {
            "name": forms.TextInput(attrs={"placeholder": "backup script", "autocomplete": "off", "dir": "auto"})
        }
