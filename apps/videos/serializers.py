"""What the REST API shows and accepts."""

from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from rest_framework import serializers

from apps.videos import keywords
from apps.videos.models import KeyWordEntry, SearchGap, Video, VideoLog


class KeywordField(serializers.CharField):
    """A keyword as text; numbers and lists are mistakes, not text."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            raise serializers.ValidationError("A keyword is a text.")
        try:
            return keywords.check(data)
        except DjangoValidationError as error:
            raise serializers.ValidationError(error.messages) from error

    def run_validation(self, data: Any = serializers.empty) -> Any:
        # CharField has its own words for the empty text, and strips only at the ends.
        return serializers.Field.run_validation(self, data)


class GapSerializer(serializers.ModelSerializer[SearchGap]):
    class Meta:
        model = SearchGap
        fields = ["after", "before", "late"]
        read_only_fields = fields


class KeywordSerializer(serializers.ModelSerializer[KeyWordEntry]):
    """A keyword with its setting and its standing."""

    keyword = KeywordField(help_text="As typed; case, width and spacing make no other keyword.")
    state = serializers.ChoiceField(choices=[KeyWordEntry.State.WATCHED, KeyWordEntry.State.PAUSED], required=False)

    gaps = GapSerializer(many=True, read_only=True, help_text="What a full page did not reach, newest first.")

    class Meta:
        model = KeyWordEntry
        fields = [
            "id",
            "keyword",
            "state",
            "interval",
            "weight",
            "video_count",
            "created_at",
            "rate",
            "planned_interval",
            "last_fetched_at",
            "next_due_at",
            "searched_through",
            "gaps",
            "bad_query",
        ]
        read_only_fields = [
            "video_count",
            "rate",
            "planned_interval",
            "last_fetched_at",
            "next_due_at",
            "searched_through",
            "bad_query",
        ]

    def validate_keyword(self, keyword: str) -> str:
        if self.instance and keywords.normalize(keyword) != self.instance.normalized:
            raise serializers.ValidationError("Only the spelling may change; another word is another keyword.")
        return keyword

    def create(self, validated_data: dict[str, Any]) -> KeyWordEntry:
        keyword = validated_data.pop("keyword")
        entry: KeyWordEntry
        entry, self.is_new = KeyWordEntry.objects.watch(keyword, **validated_data)
        entry.refresh_from_db()  # what was planned for it
        return entry

    def update(self, instance: KeyWordEntry, validated_data: dict[str, Any]) -> KeyWordEntry:
        super().update(instance, validated_data).refresh_from_db()
        return instance

    def to_representation(self, instance: KeyWordEntry) -> dict[str, Any]:
        shown: dict[str, Any] = super().to_representation(instance)
        # A paused keyword keeps its moment for later; nothing is due before it is resumed.
        if instance.state != KeyWordEntry.State.WATCHED or instance.bad_query:
            shown["next_due_at"] = None
        return shown


class VideoSerializer(serializers.ModelSerializer[Video]):
    """A video; `keyword` is the first keyword that found it."""

    keyword_text = serializers.CharField(source="keyword.keyword", default="", read_only=True)

    class Meta:
        model = Video
        fields = [
            "video_id",
            "title",
            "description",
            "published_at",
            "channel_title",
            "thumbnail",
            "created_at",
            "updated_at",
            "keyword",
            "keyword_text",
            "method",
            "watch_url",
            "published_exact",
            "channel_id",
            "duration",
            "live_state",
            "view_count",
            "views_read_at",
        ]
        read_only_fields = fields


class VideoLogSerializer(serializers.ModelSerializer[VideoLog]):
    """One fetch."""

    class Meta:
        model = VideoLog
        fields = [
            "id",
            "keyword",
            "keyword_text",
            "method",
            "status",
            "trigger",
            "error",
            "message",
            "http_status",
            "number_found",
            "number_added",
            "searches",
            "units",
            "duration",
            "waiting_until",
            "created_at",
        ]
        read_only_fields = fields


class BucketSerializer(serializers.Serializer[Any]):
    limit = serializers.IntegerField()
    spent = serializers.IntegerField()
    left = serializers.IntegerField(help_text="0 once YouTube said it is empty, whatever was counted.")
    refused_at = serializers.DateTimeField(allow_null=True)


class KeySerializer(serializers.Serializer[Any]):
    label = serializers.CharField()  # type: ignore[assignment]
    fingerprint = serializers.CharField(source="short_fingerprint")
    state = serializers.CharField()
    resting_until = serializers.DateTimeField(allow_null=True)
    reason = serializers.CharField()


class ProjectSerializer(serializers.Serializer[Any]):
    project = serializers.CharField()
    search = BucketSerializer()
    general = BucketSerializer()
    keys = KeySerializer(many=True)


class PlanSerializer(serializers.ModelSerializer[KeyWordEntry]):
    """How often a keyword is searched, and why."""

    stretched = serializers.BooleanField(source="is_stretched", help_text="The budget does not bear the interval.")
    searches_a_day = serializers.FloatField()
    expected_delay = serializers.IntegerField(
        help_text="Seconds from when YouTube shows a video until it is found, on the mean."
    )

    class Meta:
        model = KeyWordEntry
        fields = [
            "id",
            "keyword",
            "rate",
            "weight",
            "interval",
            "planned_interval",
            "searches_a_day",
            "expected_delay",
            "stretched",
            "starves",
            "next_due_at",
        ]
        read_only_fields = fields


class ScheduledSerializer(serializers.Serializer[Any]):
    """What schedules may spend; the rest is kept for people."""

    searches_a_day = serializers.IntegerField(source="scheduled.a_day")
    left = serializers.IntegerField(source="scheduled.left", help_text="Today.")
    pace = serializers.FloatField(help_text="Searches a day, as the intervals are now, with further pages.")
    ends_at = serializers.DateTimeField(
        allow_null=True,
        help_text="When the last is made at this pace; null: they last until the reset, or none is left.",
    )


class SpentHourSerializer(serializers.Serializer[Any]):
    start = serializers.DateTimeField()
    searches = serializers.IntegerField(allow_null=True, help_text="null: still to come.")


class SpentDaySerializer(serializers.Serializer[Any]):
    day = serializers.DateField(help_text="In California.")
    searches = serializers.IntegerField()


class QuotaSerializer(serializers.Serializer[Any]):
    """Where the day's calls stand, how searches are planned, and how they were spent."""

    day = serializers.DateField(source="balance.day", help_text="In California, by which YouTube counts.")
    resets_at = serializers.DateTimeField(source="balance.resets_at")
    projects = ProjectSerializer(source="balance.projects", many=True)
    schedules = ScheduledSerializer(source="*")
    plan = PlanSerializer(many=True, help_text="The most often searched first.")
    hours = SpentHourSerializer(many=True, help_text="Of today.")
    days = SpentDaySerializer(many=True, help_text="The last 30, today included.")
