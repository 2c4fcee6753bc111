"""What the REST API shows and accepts."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.db.models import BooleanField, ExpressionWrapper, Q
from django.db.models.expressions import RawSQL
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.fields import get_error_detail

from apps.videos import bulk, hiding, keywords
from apps.videos.errors import one_of
from apps.videos.fetching import refreshing
from apps.videos.fetching.refreshing import RefreshReport
from apps.videos.fields import (
    OF_MODELS,
    AnyText,
    Body,
    KeywordField,
    OneOf,
    Plain,
    Several,
    Text,
    TrueOrFalse,
    VideoIdsField,
    WholeNumber,
)
from apps.videos.filters import MAX_ID, KeywordVideoFilters
from apps.videos.marks import MARKS
from apps.videos.models import (
    HidingRule,
    KeyWordEntry,
    Match,
    SearchEvidence,
    SearchGap,
    Video,
    VideoFetchMethod,
    VideoLog,
    watch_url,
)
from apps.videos.scheduling.allocation import DAY


class GapSerializer(serializers.ModelSerializer[SearchGap]):
    class Meta:
        model = SearchGap
        fields = ["after", "before", "late"]
        read_only_fields = fields


class AuditSerializer(serializers.Serializer[SearchEvidence]):
    """What searches for a keyword alone showed about those for its group. Old ones count less, so these are rounded."""

    audited_at = serializers.DateTimeField(help_text="When it was last searched for alone. null: not yet.")
    expected = serializers.SerializerMethodField(help_text="Videos that the group should have delivered.")
    delivered = serializers.SerializerMethodField(help_text="Those of them that it had delivered.")
    at_least = serializers.SerializerMethodField(
        help_text="The share that it delivers is at least this, from 0 to 1, with a probability of 97.5 %."
    )

    def get_expected(self, evidence: SearchEvidence) -> int:
        return round(evidence.group_now.expected)

    def get_delivered(self, evidence: SearchEvidence) -> int:
        return round(evidence.group_now.delivered)

    def get_at_least(self, evidence: SearchEvidence) -> float:
        return round(evidence.group_now.bounds[0], 3)


class SilenceSerializer(serializers.Serializer[Any]):
    """That nothing new is published for an unusually long time, although searches succeed."""

    since = serializers.DateTimeField(help_text="When its last video was published.")
    per_day = serializers.FloatField(help_text="Its usual number of new videos per day.")


class StateField(OneOf):
    """The state of a keyword. A refusal names those that can be chosen."""

    def __init__(self, **options: Any) -> None:
        super().__init__([*KeyWordEntry.CHOSEN, KeyWordEntry.State.PREVIEWED], **options)
        self.error_messages["invalid_choice"] = one_of(KeyWordEntry.CHOSEN)


class KeywordSerializer(Body, serializers.ModelSerializer[KeyWordEntry]):
    """A keyword with its settings, its state, and how often it is searched."""

    serializer_field_mapping = OF_MODELS
    serializer_choice_field = OneOf

    keyword = KeywordField(
        help_text="As typed. Case, width, spacing and invisible characters do not distinguish keywords."
    )
    state = StateField(
        required=False,
        help_text="previewed: searched once, and forgotten after a day unless it is watched. It cannot be chosen.",
    )
    next_due_at = serializers.DateTimeField(
        source="next_fetch_at", read_only=True, allow_null=True, help_text="null: paused."
    )
    searches_per_day = serializers.FloatField(
        read_only=True,
        allow_null=True,
        help_text="By its interval, which is planned until the reset: what is left of the day's searches may be used "
        "faster. null: not planned yet.",
    )
    expected_delay = serializers.IntegerField(
        read_only=True,
        allow_null=True,
        help_text="Average delay in seconds from when YouTube shows a video until it is found. null: not planned yet.",
    )
    stretched = serializers.SerializerMethodField(
        help_text="Whether its interval is longer than the requested or default one."
    )
    stretched_by = serializers.ChoiceField(
        choices=[("minimum", "minimum"), ("daily_limit", "daily limit")],
        read_only=True,
        allow_null=True,
        help_text="Why it is longer: so short an interval is not planned, or there are not enough searches. "
        "null: it is not longer.",
    )
    notify_to = serializers.ListField(
        source="notified",
        child=serializers.CharField(),
        read_only=True,
        help_text="What is notified of new videos, without the addresses, which are secret: `mailto`, `webhook`.",
    )
    last_status = serializers.ChoiceField(
        choices=[
            ("done", "done"),
            ("failed", "failed"),
            ("waiting", "waiting"),
            ("interrupted", "interrupted"),
        ],
        allow_blank=True,
        read_only=True,
        help_text="How the last fetch ended, or that it waits for searches. Empty: none has ended yet.",
    )
    searched_with = serializers.SerializerMethodField(
        help_text="How many other keywords it is searched for together with, by one search."
    )
    audit = AuditSerializer(
        source="evidence", read_only=True, allow_null=True, help_text="null: it was never in a group."
    )
    gaps = GapSerializer(many=True, read_only=True, help_text="Publication dates still to be searched, newest first.")

    silence = SilenceSerializer(read_only=True, allow_null=True, help_text="null: it is not unusually silent.")

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
            "searches_per_day",
            "expected_delay",
            "stretched",
            "below_daily_minimum",
            "last_fetched_at",
            "next_due_at",
            "searched_through",
            "gaps",
            "bad_query",
            "refused_since",
            "notify",
            "notify_urls",
            "notify_webhook",
            "notify_to",
            "hidden_count",
            "last_status",
            "last_found_at",
            "searched_with",
            "audit",
            "stretched_by",
            "silence",
        ]
        read_only_fields = [
            "video_count",
            "hidden_count",
            "rate",
            "planned_interval",
            "below_daily_minimum",
            "last_fetched_at",
            "next_due_at",
            "searched_through",
            "bad_query",
            "refused_since",
            "last_found_at",
        ]
        extra_kwargs = {"notify_urls": {"write_only": True}, "notify_webhook": {"write_only": True}}

    def get_stretched(self, entry: KeyWordEntry) -> bool:
        return entry.stretched_by is not None

    def get_searched_with(self, entry: KeyWordEntry) -> int:
        # One that was just added or changed was not annotated.
        annotated: Any = (
            entry if hasattr(entry, "searched_with") else KeyWordEntry.objects.with_sharing().get(pk=entry.pk)
        )
        return int(annotated.searched_with)

    def validate_keyword(self, keyword: str) -> str:
        return keywords.check(keyword, same_as=self.instance.normalized if self.instance else None)

    def validate_state(self, state: str) -> str:
        # What was read may be sent back.
        if state not in KeyWordEntry.CHOSEN and (self.instance is None or state != self.instance.state):
            self.fields["state"].fail("invalid_choice")
        return state

    def update(self, instance: KeyWordEntry, validated_data: dict[str, Any]) -> KeyWordEntry:
        instance.change(**validated_data)
        instance.refresh_from_db()  # it has been planned
        return instance


class KeywordItemSerializer(Body):
    """A keyword to add among others. Only its text may be refused by itself; a wrong value refuses the request."""

    keyword = AnyText(help_text="One that is no valid keyword is refused, not the others.")
    interval = WholeNumber(min_value=1, max_value=30 * DAY, allow_null=True, required=False)
    weight = WholeNumber(min_value=1, max_value=100, required=False)
    state = OneOf(KeyWordEntry.CHOSEN, required=False)


class KeywordItemsSerializer(Body):
    keywords = Several(child=KeywordItemSerializer(), min_length=1, max_length=bulk.MOST)


class AddedKeywordSerializer(serializers.Serializer[bulk.Item]):
    """What became of a keyword."""

    keyword = serializers.CharField(help_text="As stored; one that was refused as it was sent.")
    result = serializers.ChoiceField(
        source="outcome",
        choices=bulk.Outcome.choices,
        help_text="known: it exists, perhaps in another spelling, or was in the list before.",
    )
    id = serializers.IntegerField(source="entry.pk", default=None, allow_null=True, help_text="null: refused.")
    detail = serializers.SerializerMethodField(help_text="Why it is refused; empty if it is not.")

    def get_detail(self, item: bulk.Item) -> str:
        return " ".join(item.error.messages) if item.error else ""


class AddedKeywordsSerializer(serializers.Serializer[Any]):
    """How many keywords were new, known and refused, and each, in the order in which they were sent."""

    new = serializers.IntegerField()
    known = serializers.IntegerField()
    refused = serializers.IntegerField()
    results = AddedKeywordSerializer(many=True)


class VideoSerializer(serializers.ModelSerializer[Video]):
    """A video; `keyword` is the first keyword that found it."""

    keyword_text = serializers.CharField(source="keyword.keyword", default="", read_only=True)
    seen = serializers.BooleanField(source="is_seen", read_only=True)
    starred = serializers.BooleanField(source="is_starred", read_only=True)
    hidden = serializers.BooleanField(source="is_hidden", read_only=True, help_text="Whether lists leave it out.")
    hidden_by = serializers.IntegerField(
        read_only=True, allow_null=True, help_text="The rule that hides it. null: none, or it was hidden by hand."
    )
    matched_in = serializers.ChoiceField(
        choices=Match.In.choices,
        allow_null=True,
        read_only=True,
        help_text="Where all words of the keyword stand: of the list's keyword, or of the first that found the video. "
        "null: not known yet.",
    )
    tags = serializers.ListField(
        child=serializers.CharField(), allow_null=True, read_only=True, help_text="null: not known."
    )

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
            "starts_at",
            "seen",
            "starred",
            "hidden",
            "hidden_by",
            "matched_in",
            "tags",
            "missing_since",
            "blanked_at",
        ]
        read_only_fields = fields


# Where video_rows() finds the fields of VideoSerializer that are not columns of a video.
_ELSEWHERE = {
    "keyword_text": "keyword__keyword",
    "watch_url": "video_id",
    "seen": "seen_at",
    "starred": "starred_at",
    "hidden": "hidden_at",
    "hidden_by": "hidden_by_rules",
    "matched_in": "standing",
}
_COLUMNS = [_ELSEWHERE.get(name, name) for name in VideoSerializer.Meta.fields]


# As VideoQuerySet.with_matched_in(), which takes longer to put together than to execute.
_STANDING = (
    "(SELECT matched_in FROM videos_match AS found"
    " WHERE found.video_id = videos_video.video_id AND found.keyword_id = {})"
)


def video_rows(
    video_ids: Sequence[str], entries: Sequence[KeyWordEntry] = (), *, hidden: bool = False
) -> list[dict[str, Any]]:
    """Return what VideoSerializer shows of these videos, in their order, in one query.

    `entries` are the keywords whose videos they are; none: all. `hidden`: there may be hidden ones among them, about
    which a second query asks.

    A page of 100 videos takes a quarter of the time that models and the serializer need. Times are datetimes, which
    renderers.JSONRenderer writes. Videos that have just been removed are missing.
    """
    rows = {}
    own = ("%s", [entries[0].pk]) if len(entries) == 1 else ("videos_video.keyword_id", [])
    videos = Video.objects.filter(pk__in=video_ids).annotate(standing=RawSQL(_STANDING.format(own[0]), own[1]))
    for values in videos.values_list(*_COLUMNS):
        row = dict(zip(VideoSerializer.Meta.fields, values, strict=True))
        row["keyword_text"] = row["keyword_text"] or ""
        row["watch_url"] = watch_url(row["video_id"])
        for mark in MARKS:
            row[mark] = row[mark] is not None
        row["hidden_by"] = None
        rows[row["video_id"]] = row
    if hidden:
        _add_hidden(rows, entries)
    return [rows[video_id] for video_id in video_ids if video_id in rows]


def rows_of(filters: KeywordVideoFilters) -> Callable[[Sequence[str]], list[dict[str, Any]]]:
    """Return the function that video_rows() is for the videos that `filters` choose."""
    return partial(video_rows, entries=filters.entries(), hidden=filters.wants_hidden() is not False)


def _add_hidden(rows: Mapping[str, dict[str, Any]], entries: Sequence[KeyWordEntry]) -> None:
    """Add to rows of video_rows() what is hidden in the lists of these keywords, or of all, and by which rule."""
    matches = Match.objects.filter(video__in=rows)
    if entries:
        matches = matches.filter(keyword__in=entries)
    by_hand = ExpressionWrapper(
        Q(video__hidden_at__isnull=False, video__hidden_by_rules=False), output_field=BooleanField()
    )
    of_videos: dict[str, list[tuple[bool, int | None, bool]]] = defaultdict(list)
    for video_id, *state in matches.order_by("created_at", "pk").values_list("video", "hidden", "hidden_by", by_hand):
        of_videos[video_id].append((state[0], state[1], state[2]))
    for video_id, states in of_videos.items():
        is_hidden = all(state[0] for state in states)
        rule = None if states[0][2] or not is_hidden else states[0][1]
        rows[video_id] |= {"hidden": is_hidden, "hidden_by": rule}


class MarksSerializer(Body):
    """Marks to set (true) or clear (false); those that are left out stay as they are."""

    seen = TrueOrFalse(required=False)
    starred = TrueOrFalse(required=False)
    hidden = TrueOrFalse(required=False, help_text="Lists, feeds and exports leave hidden videos out.")


class MarksOfManySerializer(MarksSerializer):
    """The same marks for several videos. Ids of videos that are not stored are ignored."""

    video_ids = VideoIdsField(help_text="YouTube's ids.")


class RuleSerializer(serializers.ModelSerializer[HidingRule]):
    """A rule that hides videos."""

    class Meta:
        model = HidingRule
        fields = ["id", "keyword", "kind", "value", "label", "created_at", "applied_at"]
        read_only_fields = fields


@extend_schema_field({"type": ["integer", "null"], "minimum": 1, "maximum": MAX_ID})
class KeywordOfRuleField(Plain):
    default_error_messages = {"invalid": "No keyword has this id."}

    def to_internal_value(self, data: Any) -> KeyWordEntry:
        is_id = isinstance(data, int) and not isinstance(data, bool) and 1 <= data <= MAX_ID
        entry: KeyWordEntry | None = KeyWordEntry.objects.filter(pk=data).first() if is_id else None
        if entry is None:
            self.fail("invalid")
        return entry


class NewRuleSerializer(Body):
    """A rule to add or to preview."""

    keyword = KeywordOfRuleField(
        required=False, allow_null=True, default=None, help_text="The id of the keyword. null: all keywords."
    )
    kind = OneOf(choices=HidingRule.Kind.choices)
    value = Text(
        max_length=500,
        help_text="Of `channel` the id of the channel, of `word` the word or phrase, of `min_duration` the number of "
        "seconds: shorter videos are hidden. YouTube's Shorts have up to 180 seconds.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        try:
            attrs["value"] = hiding.check(attrs["kind"], attrs["value"])
        except DjangoValidationError as error:
            raise serializers.ValidationError({"value": get_error_detail(error)}) from error
        return attrs


class AffectedSerializer(serializers.Serializer[Any]):
    videos = serializers.IntegerField(help_text="Stored videos that it would hide, without those that are hidden.")
    is_exact = serializers.BooleanField(help_text="false: there are as many, or more.")


class MarkedSerializer(serializers.Serializer[Any]):
    changed = serializers.IntegerField(help_text="The number of videos that had other marks before.")


class VideoLogSerializer(serializers.ModelSerializer[VideoLog]):
    """One fetch."""

    method = serializers.ChoiceField(
        choices=VideoFetchMethod.choices,
        allow_blank=True,
        read_only=True,
        help_text="Empty until a source has responded.",
    )

    class Meta:
        model = VideoLog
        fields = [
            "id",
            "keyword",
            "keyword_text",
            "method",
            "status",
            "trigger",
            "shared_with",
            "error",
            "error_code",
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


class AddingCostSerializer(serializers.Serializer[Any]):
    """What watching a keyword would cost the others, in seconds between two searches."""

    interval = serializers.IntegerField(source="own", help_text="Between its own searches.")
    others_before = serializers.IntegerField(
        source="before", allow_null=True, help_text="Between those of another automatic keyword, today. null: none."
    )
    others_after = serializers.IntegerField(source="interval", help_text="The same, if it is watched.")
    below_daily_minimum = serializers.BooleanField(
        help_text="There are not enough searches to fetch each keyword once a day."
    )


class PreviewSerializer(serializers.Serializer[Any]):
    """What one search for a keyword found."""

    keyword = serializers.CharField(source="entry.keyword")
    state = serializers.ChoiceField(
        source="entry.state",
        choices=[*KeyWordEntry.CHOSEN, KeyWordEntry.State.PREVIEWED],
        help_text="watched or paused: it was added before, and nothing was searched.",
    )
    videos_per_day = serializers.FloatField(
        allow_null=True, help_text="Estimated new videos per day. null: not known yet."
    )
    cost = AddingCostSerializer(
        allow_null=True, help_text="null: it was added before, or nothing can be searched at present."
    )
    log = VideoLogSerializer(allow_null=True, help_text="Its last fetch: if that failed, why.")
    videos = VideoSerializer(many=True, help_text="Its newest videos, ten at most.")
    id = serializers.IntegerField(source="entry.pk", help_text="The keyword's.")


class PreviewedSerializer(Body):
    """The keyword to search for."""

    keyword = KeywordField()


class BucketSerializer(serializers.Serializer[Any]):
    limit = serializers.IntegerField()
    used = serializers.IntegerField()
    left = serializers.IntegerField(help_text="0 once YouTube reported the limit reached.")
    refused_at = serializers.DateTimeField(allow_null=True)


class KeySerializer(serializers.Serializer[Any]):
    label = serializers.CharField()  # type: ignore[assignment]
    fingerprint = serializers.CharField(source="short_fingerprint")
    state = serializers.CharField()
    cooling_down_until = serializers.DateTimeField(allow_null=True)
    reason = serializers.CharField()


class ProjectSerializer(serializers.Serializer[Any]):
    project = serializers.CharField()
    search = BucketSerializer()
    general = BucketSerializer()
    keys = KeySerializer(many=True)


class ScheduledSerializer(serializers.Serializer[Any]):
    """The searches for scheduled fetches; the others are kept for manual and first ones."""

    searches_per_day = serializers.IntegerField(source="scheduled.per_day")
    left = serializers.IntegerField(source="scheduled.left", help_text="Today.")
    search_rate = serializers.FloatField(
        help_text="Searches per day with the current intervals, including further pages; 0 while they wait."
    )
    ends_at = serializers.DateTimeField(
        allow_null=True,
        help_text="When the last search will be made at this rate. "
        "null: the searches last until the reset, or none is left.",
    )
    waits_until = serializers.DateTimeField(
        allow_null=True, help_text="When scheduled searches resume, if they are used up. null: they are not."
    )
    waits_for_key = serializers.BooleanField(help_text="Nothing is searched before a key is added or repaired.")


class HourUsedSerializer(serializers.Serializer[Any]):
    start = serializers.DateTimeField()
    searches = serializers.IntegerField(allow_null=True, help_text="null: the hour has not begun.")


class DayUsedSerializer(serializers.Serializer[Any]):
    day = serializers.DateField(help_text="The day in California.")
    searches = serializers.IntegerField()


class StoredDataSerializer(serializers.Serializer[RefreshReport]):
    """How old the data of stored videos is. YouTube's terms allow 30 days, so it is refreshed or erased before."""

    oldest_at = serializers.DateTimeField(
        allow_null=True, help_text="When YouTube gave the oldest. null: there is none."
    )
    next_due_at = serializers.DateTimeField(allow_null=True, help_text="When the oldest is to be refreshed.")
    videos = serializers.IntegerField(help_text="How many videos are stored.")
    due = serializers.IntegerField(help_text="How many of them are to be refreshed now, counted up to 1,000.")
    due_is_exact = serializers.BooleanField()
    erased_from = serializers.DateTimeField(
        allow_null=True,
        help_text="When the erasure of data that is not refreshed begins. null: it is refreshed in time.",
    )


class QuotaSerializer(serializers.Serializer[Any]):
    """Today's quota, the plan of searches, and the searches used."""

    day = serializers.DateField(source="quota.day", help_text="The day in California, which YouTube's quota follows.")
    resets_at = serializers.DateTimeField(source="quota.resets_at")
    projects = ProjectSerializer(source="quota.projects", many=True)
    scheduled = ScheduledSerializer(source="*")
    keywords = serializers.IntegerField(source="plan.count", help_text="The number of keywords in the plan.")
    plan = KeywordSerializer(
        source="most_frequent",
        many=True,
        help_text="The 100 keywords that are searched most often; /api/keywords/ has the plan of each.",
    )
    hours = HourUsedSerializer(many=True, help_text="Today.")
    days = DayUsedSerializer(many=True, help_text="The last 30 days, including today.")
    stored_data = serializers.SerializerMethodField()

    @extend_schema_field(StoredDataSerializer)
    def get_stored_data(self, _: Any) -> dict[str, Any]:
        return StoredDataSerializer(refreshing.report()).data


class VideosOfDaySerializer(serializers.Serializer[Any]):
    day = serializers.DateField(help_text="The day in UTC.")
    published = serializers.IntegerField(help_text="Videos that were published on it.")
    found = serializers.IntegerField(help_text="Videos that were found on it, whenever they were published.")


class ChannelFoundSerializer(serializers.Serializer[Any]):
    channel_id = serializers.CharField()
    channel_title = serializers.CharField()
    videos = serializers.IntegerField()


class DelayStepSerializer(serializers.Serializer[Any]):
    within = serializers.IntegerField(allow_null=True, help_text="Seconds. null: later than all others.")
    videos = serializers.IntegerField(help_text="Videos found within them, but not within those of the step before.")


class DelaySerializer(serializers.Serializer[Any]):
    """How soon videos were found after their publication."""

    videos = serializers.IntegerField(help_text="The number of videos that count.")
    median = serializers.IntegerField(help_text="Half of them were found within so many seconds.")
    p95 = serializers.IntegerField(help_text="95 % of them were found within so many seconds.")
    within_1h = serializers.FloatField(help_text="The share that was found within an hour, from 0 to 1.")
    within_6h = serializers.FloatField(help_text="The share that was found within six hours, from 0 to 1.")
    steps = DelayStepSerializer(many=True, help_text="How many were found how soon; together all of them.")


class NewestSerializer(serializers.Serializer[Any]):
    """What was found last: 1,000 videos of these days at most."""

    videos = serializers.IntegerField(help_text="The number of videos.")
    since = serializers.DateTimeField(allow_null=True, help_text="When the first of them was found. null: none was.")
    methods = serializers.DictField(child=serializers.IntegerField(), help_text="Their number by source.")
    channels = ChannelFoundSerializer(many=True, help_text="The ten channels with most of them, most first.")
    delay = DelaySerializer(
        allow_null=True,
        help_text="Of those with an exact date of publication, if that is after their keyword was added. "
        "null: there are none.",
    )


class StatisticsSerializer(serializers.Serializer[Any]):
    video_count = serializers.IntegerField(help_text="The number of videos now, of any age.")
    hidden_count = serializers.IntegerField(
        help_text="How many of these are hidden. Of all keywords, what follows is without hidden ones."
    )
    days = VideosOfDaySerializer(many=True, help_text="The last `days` in UTC, including today.")
    searches = DayUsedSerializer(
        many=True,
        help_text="The searches used in the last `days`, including today. "
        "For a keyword those in its fetch logs, which are kept for `KEEP_LOGS`, also if they were for others as well.",
    )
    newest = NewestSerializer(help_text="What was found last: 1,000 videos of these days at most.")


class PingSerializer(serializers.Serializer[Any]):
    status = serializers.CharField(help_text="success")
    message = serializers.CharField(help_text="pong")
    database = serializers.CharField(help_text="ok")
