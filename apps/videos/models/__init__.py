"""What is watched, what was found, and what happened; a module each.

They import one way: feed_token, method, saved_view, total and token, then log, keyword, gap and evidence, then rule,
match and video, then notification.
"""

from apps.videos.models.evidence import SearchEvidence
from apps.videos.models.feed_token import FeedToken
from apps.videos.models.gap import SearchGap
from apps.videos.models.keyword import (
    SPREAD,
    KeyWordEntry,
    KeyWordEntryQuerySet,
    Pause,
    SearchGroup,
    StateCounts,
    keywords_changed,
)
from apps.videos.models.log import LONGEST_FETCH, VideoLog, VideoLogQuerySet
from apps.videos.models.match import Match, MatchQuerySet
from apps.videos.models.method import VideoFetchMethod
from apps.videos.models.notification import NewVideo, Receiver
from apps.videos.models.rule import MOST_RULES, HidingRule, HidingRuleQuerySet, rules_changed
from apps.videos.models.saved_view import SavedView
from apps.videos.models.token import ApiToken
from apps.videos.models.total import VideoTotal
from apps.videos.models.video import Video, VideoQuerySet, watch_url

__all__ = [
    "LONGEST_FETCH",
    "MOST_RULES",
    "SPREAD",
    "ApiToken",
    "FeedToken",
    "HidingRule",
    "HidingRuleQuerySet",
    "KeyWordEntry",
    "KeyWordEntryQuerySet",
    "Match",
    "MatchQuerySet",
    "NewVideo",
    "Pause",
    "Receiver",
    "SavedView",
    "SearchEvidence",
    "SearchGap",
    "SearchGroup",
    "StateCounts",
    "Video",
    "VideoFetchMethod",
    "VideoLog",
    "VideoLogQuerySet",
    "VideoQuerySet",
    "VideoTotal",
    "keywords_changed",
    "rules_changed",
    "watch_url",
]
