"""What bodies of requests to the REST API may contain, and what is said about what they may not.

REST framework has sentences of its own; the fields here have Windhover's.
"""

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import models
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.fields import get_error_detail
from rest_framework.settings import api_settings

from apps.videos import keywords
from apps.videos.errors import BLANK, NULL, REQUIRED, one_of, there_are, whole_number
from apps.videos.marks import MOST

# Unknown fields that a response names.
MOST_NAMED = 20


class Body(serializers.Serializer[Any]):
    """A JSON object without unknown fields. What clients can only read is ignored: it may be sent back."""

    def run_validation(self, data: Any = serializers.empty) -> Any:
        changeable = [name for name, field in self.fields.items() if not field.read_only]
        refuse_unknown_fields(data, changeable, ignored=self.fields)
        return super().run_validation(data)


def refuse_unknown_fields(data: Any, known: Iterable[str], *, ignored: Iterable[str] = ()) -> None:
    """Raise ValidationError if a JSON body is no object, or has other fields than `known` ones, which it lists.

    `ignored` fields may be there. Of unknown ones it names the first MOST_NAMED: a body may have a million.
    """
    if not isinstance(data, Mapping):
        raise ValidationError({api_settings.NON_FIELD_ERRORS_KEY: "Must be a JSON object."})
    allowed = {*known, *ignored}
    if unknown := list(islice((name for name in data if name not in allowed), MOST_NAMED)):
        raise ValidationError(dict.fromkeys(unknown, f"Unknown field. {there_are(known)}"), "unknown")


class Plain(serializers.Field[Any, Any, Any, Any]):
    default_error_messages = {"required": REQUIRED, "null": NULL}


class Text(Plain, serializers.CharField):
    default_error_messages = {
        "invalid": "Must be a string.",
        "blank": BLANK,
        "max_length": "Must have at most {max_length} characters.",
        "control": "Must not contain control characters.",
    }

    def run_validation(self, data: Any = serializers.empty) -> Any:
        # Before white space is removed, as the schema says, and before anything reads a long text.
        if isinstance(data, str) and self.max_length is not None and len(data) > self.max_length:
            self.fail("max_length", max_length=self.max_length)
        return super().run_validation(data)

    def to_internal_value(self, data: Any) -> str:
        text: str = super().to_internal_value(data)
        if "\0" in text:
            self.fail("control")
        return text


@extend_schema_field({"type": "string"})
class AnyText(Plain):
    """Any text, also such that is no keyword."""

    default_error_messages = {"invalid": "Must be a string."}

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return str(data)


class Several(Plain, serializers.ListField):
    """A list of at least one value and at most `max_length`."""

    default_error_messages = {
        "not_a_list": "Must be a list.",
        "min_length": BLANK,
        "max_length": "Must have at most {max_length:,} items.",
    }

    def to_internal_value(self, data: Any) -> list[Any]:
        if not isinstance(data, list):
            raise ValidationError(self.error_messages["not_a_list"])
        if not data:
            raise ValidationError(self.error_messages["min_length"], "blank")
        if len(data) > (self.max_length or 0):
            self.fail("max_length", max_length=self.max_length)
        return list(super().to_internal_value(data))


class WholeNumber(Plain, serializers.IntegerField):
    """A whole number between two bounds; one that clients can only read needs none."""

    def __init__(self, *, min_value: int | None = None, max_value: int | None = None, **options: Any) -> None:
        if min_value is not None and max_value is not None:
            codes = ("invalid", "min_value", "max_value", "max_string_length")
            options["error_messages"] = dict.fromkeys(codes, whole_number(min_value, max_value))
        super().__init__(min_value=min_value, max_value=max_value, **options)


class OneOf(Plain, serializers.ChoiceField):
    def __init__(self, choices: Any, **options: Any) -> None:
        super().__init__(choices, **options)
        self.error_messages["invalid_choice"] = one_of(self.choices)


class TrueOrFalse(Plain, serializers.BooleanField):
    """true or false, and nothing that could mean the same."""

    default_error_messages = {"invalid": "Must be true or false."}

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid")
        return data


@extend_schema_field({"type": "array", "items": {"type": "string", "maxLength": 16}, "maxItems": MOST})
class VideoIdsField(Plain):
    default_error_messages = {
        "invalid": "Must be a list of video ids.",
        "max_length": f"Must have at most {MOST} ids.",
    }

    def to_internal_value(self, data: Any) -> list[str]:
        if not isinstance(data, list) or not all(
            isinstance(pk, str) and len(pk) <= 16 and "\0" not in pk for pk in data
        ):
            self.fail("invalid")
        if len(data) > MOST:
            self.fail("max_length")
        return data


@extend_schema_field(keywords.SCHEMA)
class KeywordField(Text):
    """A keyword; only text is accepted, not numbers or lists."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        try:
            return keywords.check(data)
        except DjangoValidationError as error:
            raise ValidationError(get_error_detail(error)) from error

    def run_validation(self, data: Any = serializers.empty) -> Any:
        # CharField would strip white space and has its own message for empty text.
        return serializers.Field.run_validation(self, data)


# What a ModelSerializer makes of the fields of its model.
OF_MODELS = serializers.ModelSerializer.serializer_field_mapping | {
    models.CharField: Text,
    models.TextField: Text,
    models.PositiveIntegerField: WholeNumber,
    models.PositiveSmallIntegerField: WholeNumber,
}
