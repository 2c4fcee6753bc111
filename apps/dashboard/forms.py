"""Forms: keywords, one and many, intervals, hiding rules, saved views and tokens."""

import csv
import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from apps.dashboard.times import HOUR, MINUTE, UNITS, span
from apps.videos import bulk, hiding, keyword_lists, keywords
from apps.videos.models import ApiToken, HidingRule, KeyWordEntry, SavedView
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


class RuleForm(forms.Form):
    """A rule that hides videos, of one keyword or of all."""

    kind = forms.ChoiceField(
        choices=[
            (HidingRule.Kind.WORD, "with this word or phrase"),
            (HidingRule.Kind.CHANNEL, "of the channel with this id"),
            (HidingRule.Kind.MIN_DURATION, "shorter than"),
        ],
        error_messages={"invalid_choice": "Choose one of the kinds."},
    )
    value = forms.CharField(
        error_messages={"required": "Enter a word, the id of a channel or a duration such as 3 min."},
        widget=forms.TextInput(attrs={"placeholder": "football, UC…, 3 min", "autocomplete": "off", "dir": "auto"}),
    )
    keyword = forms.CharField(
        required=False,
        widget=forms.TextInput(attrs={"placeholder": "all", "autocomplete": "off", "dir": "auto"}),
    )

    def clean_keyword(self) -> KeyWordEntry | None:
        text = self.cleaned_data["keyword"]
        entry = KeyWordEntry.objects.find(text) if text else None
        if text and entry is None:
            raise ValidationError("There is no such keyword.")
        return entry

    def clean(self) -> None:
        kind, value = self.cleaned_data.get("kind"), self.cleaned_data.get("value")
        if not kind or not value:
            return
        if kind == HidingRule.Kind.MIN_DURATION and not value.isdigit():
            try:
                value = str(read_span(value))
            except ValueError:
                self.add_error("value", "Enter a duration such as 3 min.")
                return
        try:
            self.cleaned_data["value"] = hiding.check(kind, value)
        except ValidationError as error:
            self.add_error("value", error)

    def chosen(self) -> tuple[str, str, KeyWordEntry | None]:
        return self.cleaned_data["kind"], self.cleaned_data["value"], self.cleaned_data["keyword"]

    def rule(self) -> HidingRule:
        """Return the rule that would be added, for its name."""
        kind, value, keyword = self.chosen()
        return HidingRule(kind=kind, value=value, keyword=keyword, label=hiding.label_of(kind, value))

    def save(self) -> tuple[HidingRule, bool]:
        """Return the rule and whether it is new."""
        return hiding.add(*self.chosen())


class AddManyForm(forms.Form):
    """A list of keywords, typed or in a file. Cleaned it has the `text`, and the `items` that were read from it."""

    keywords = forms.CharField(
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 12, "dir": "auto", "autocomplete": "off", "spellcheck": "false"}),
    )
    file = forms.FileField(required=False, widget=forms.FileInput(attrs={"accept": ".csv,.txt,text/csv,text/plain"}))
    interval = IntervalField()

    def clean(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        text, file = cleaned.get("keywords") or "", cleaned.get("file")
        if file and text.strip():
            raise ValidationError({"file": "Choose a file or type keywords, not both: empty the box, or no file."})
        if file:
            text = _decoded(file.read())
        try:
            items = keyword_lists.read(text, interval=cleaned.get("interval"))
        except csv.Error:
            message = "A cell of this list is too long. Perhaps the quotation mark at its end is missing."
            raise ValidationError({"file" if file else "keywords": message}) from None
        if len(items) > bulk.MOST:
            message = f"At most {bulk.MOST:,} keywords at once; these are {len(items):,}. Add them in parts."
            raise ValidationError({"file" if file else "keywords": message})
        if not items and not self.errors:
            raise ValidationError({"keywords": "Enter at least one keyword, or choose a file."})
        return cleaned | {"text": text, "items": items}


def _decoded(data: bytes) -> str:
    """Return the text of a file: UTF-8, or UTF-16 as spreadsheets save it."""
    try:
        return data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        raise ValidationError({"file": "This file is not text in UTF-8. Save it as “CSV UTF-8”."}) from None


class ManyForm(forms.Form):
    """What to do with the keywords that are selected, by their ids, or with all that the address chooses."""

    ACTIONS = ("pause", "resume", "interval", "weight", "delete")

    id = forms.TypedMultipleChoiceField(coerce=int, required=False)
    all = forms.BooleanField(required=False)
    action = forms.CharField(required=False)
    interval = IntervalField()
    weight = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=100,
        widget=forms.NumberInput(attrs={"placeholder": "1–100"}),
        error_messages=dict.fromkeys(("invalid", "min_value", "max_value"), "Enter a whole number from 1 to 100."),
    )

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, auto_id="many-%s")
        # Which of them there are is seen when they are looked up.
        self.fields["id"].valid_value = lambda value: value.isascii() and value.isdigit() and len(value) < 19  # type: ignore[attr-defined]

    def clean_action(self) -> str:
        """Return the action; if a form was sent by the Enter key, the one whose field has a value."""
        action = self.cleaned_data["action"] or next(
            (name for name in ("interval", "weight") if self.data.get(name)), ""
        )
        if action not in self.ACTIONS:
            raise ValidationError("Choose what to do with the selected keywords.")
        return str(action)

    def clean(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        action = cleaned.get("action")
        for name in ("interval", "weight"):
            if name != action:
                self.errors.pop(name, None)
        if action == "weight" and cleaned.get("weight") is None and "weight" not in self.errors:
            self.add_error("weight", "Enter a whole number from 1 to 100.")
        if not (cleaned.get("all") or cleaned.get("id")):
            self.add_error("id", "Select keywords first.")
        return cleaned


class TokenForm(forms.ModelForm):
    class Meta:
        model = ApiToken
        fields = ["name", "access"]
        error_messages = {"name": {"required": "Enter a name."}}
        widgets = {
            "name": forms.TextInput(attrs={"placeholder": "backup script", "autocomplete": "off", "dir": "auto"})
        }
