"""Notify people and programs of new videos: through Apprise, and as signed JSON to webhooks.

A fetch enqueues its new videos (NewVideo) in the transaction that stores them. Each address of a keyword has progress
of its own (Receiver), so that none waits for another; a new address begins with what is still enqueued. One that does
not accept a message is an incident, and is tried again after growing delays; then it gets everything of the last days
(KEPT).
"""

import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db.models import Count, Max
from django.template.defaultfilters import pluralize
from django.utils import timezone

from apps.incidents import notify
from apps.incidents.models import MAX_SKEW, Incident
from apps.incidents.notify import Address
from apps.videos.models import KeyWordEntry, NewVideo, Receiver, Video
from apps.videos.renderers import JSONRenderer
from apps.videos.serializers import video_rows
from core import webhook
from core.webhook import NotAccepted

# A message for people lists so many titles; a webhook gets so many videos at once.
LISTED = 20
WEBHOOK_VIDEOS = 200

# An address that accepts no messages for longer misses what was found before.
KEPT = timedelta(days=7)

# An address that accepts no messages is tried again after as long as it has been failing, within these limits.
SHORTEST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(minutes=15)


def due_subjects() -> set[str]:
    """Return the subjects of the addresses that are to be notified now.

    Also closes the incidents of addresses that were removed, and forgets videos that no address waits for.
    """
    _close_removed()
    return {address.subject for _, address in _due()}


def send_to(subject: str, deadline: float) -> None:
    """Notify one address of all keywords' new videos, until it fails, or until `deadline` (of time.monotonic()).

    While another worker does so, return at once, since the address may be slow.
    """
    if Receiver.objects.claimed().filter(address=subject).exists():
        return
    waiting = [(entry, address) for entry, address in _due() if address.subject == subject]
    for entry, address in waiting:
        if time.monotonic() > deadline:
            return
        try:
            _send(entry, address, deadline)
        except NotAccepted as error:
            _drop_old(waiting, deadline)
            _record_refused(entry, address, str(error))
            return


def send_test(entry: KeyWordEntry) -> dict[str, bool]:
    """Send a test message to each address of a keyword; return for each, by its name, whether it accepted it."""
    accepted = {}
    for address in entry.addresses:
        try:
            if address.is_webhook:
                _post(address, entry, [], str(uuid.uuid4()))
                accepted[address.name] = True
            else:
                text = f"Notifications of new videos for “{entry}” work."
                accepted[address.name] = notify.deliver(address.url, "Windhover: test message", text)
        except NotAccepted:
            accepted[address.name] = False
    return accepted


def number_of_keywords() -> dict[str, int]:
    """Return for each way to notify, in words, how many keywords' new videos are notified so; one query."""
    notifying = KeyWordEntry.objects.exclude(notify=KeyWordEntry.Notify.OFF).order_by()
    found = dict(notifying.values_list("notify").annotate(Count("pk")))
    return {when.label: found.get(when, 0) for when in KeyWordEntry.Notify if when != KeyWordEntry.Notify.OFF}


def _due() -> Iterator[tuple[KeyWordEntry, Address]]:
    """Yield each keyword with each of its addresses that is to be notified of its new videos now.

    Without addresses that failed a moment ago. Four queries.
    """
    now = timezone.now()
    due = dict(NewVideo.objects.due(*_digests(now)).values_list("keyword").annotate(Max("pk")).order_by())
    if not due:
        return
    receivers = Receiver.objects.filter(keyword__in=NewVideo.objects.values("keyword"))
    progress = receivers.values_list("keyword", "address", "sent_through")
    sent = {(keyword, address): through for keyword, address, through in progress}
    failed = Incident.objects.open().filter(kind=Incident.Kind.NOTIFICATION_FAILED)
    # One that is further ahead was recorded before the clock was set back.
    resting = failed.filter(until__gt=now, until__lte=now + LONGEST_WAIT + MAX_SKEW)
    subjects = set(resting.values_list("subject", flat=True))
    for pk, entry in KeyWordEntry.objects.in_bulk(list(due)).items():
        waiting = [one for one in entry.addresses if sent.get((pk, one.subject), 0) < due[pk]]
        if not waiting:
            _forget_sent(entry)
        yield from ((entry, address) for address in waiting if address.subject not in subjects)


def _digests(now: datetime) -> tuple[datetime, datetime]:
    """Return the ends of the last hourly and of the last daily digest."""
    local = now.astimezone(settings.DIGEST_TIME_ZONE)
    hour = local.replace(minute=0, second=0, microsecond=0)
    today = hour.replace(hour=settings.DIGEST_HOUR, fold=0)
    if today.astimezone(UTC) > now:
        today -= timedelta(days=1)  # the same time of the day before, also if the clocks changed
    return hour.astimezone(UTC), today.astimezone(UTC)


def _send(entry: KeyWordEntry, address: Address, deadline: float) -> None:
    """Send an address everything that is due. Raises NotAccepted."""
    receiver, _ = Receiver.objects.get_or_create(keyword=entry, address=address.subject)
    if not receiver.claim():
        return
    try:
        while time.monotonic() < deadline and (receiver.delivery or _begin(receiver, address)):
            if video_ids := receiver.video_ids():
                _deliver(entry, address, video_ids, str(receiver.delivery))
            if not receiver.accept():
                break
            notify.record_accepted(address)
            Receiver.objects.forget_missed(address.subject)
            _forget_sent(entry)
    finally:
        receiver.release()


def _begin(receiver: Receiver, address: Address) -> bool:
    """Begin a delivery of what is due; return False if nothing is."""
    due = NewVideo.objects.due(*_digests(timezone.now()))
    numbers = due.filter(keyword=receiver.keyword_id, pk__gt=receiver.sent_through).order_by("pk")
    batch = list(numbers.values_list("pk", flat=True)[: WEBHOOK_VIDEOS if address.is_webhook else None])
    if batch:
        receiver.begin(batch[-1])
    return bool(batch)


def _deliver(entry: KeyWordEntry, address: Address, video_ids: Sequence[str], delivery: str) -> None:
    """Send these videos, newest first, in one message. Raises NotAccepted."""
    try:
        if address.is_webhook:
            _post(address, entry, video_ids, delivery)
        elif not notify.deliver(address.url, *_message(entry, video_ids)):
            raise NotAccepted
    except SoftTimeLimitExceeded:
        raise NotAccepted("it took too long") from None


def _post(address: Address, entry: KeyWordEntry, video_ids: Sequence[str], delivery: str) -> None:
    content = {
        "id": delivery,
        "sent_at": timezone.now(),
        "keyword": {"id": entry.pk, "keyword": entry.keyword},
        "videos": video_rows(video_ids),
    }
    body = JSONRenderer().render(content)
    webhook.post(address.url, body, delivery=delivery, secret=settings.WEBHOOK_SECRET)


def _message(entry: KeyWordEntry, video_ids: Sequence[str]) -> tuple[str, str]:
    """Return title and text of a message about these videos."""
    number = len(video_ids)
    listed = [_described(video) for video in Video.objects.in_order_of(video_ids[:LISTED])]
    if number > LISTED:
        listed.append(f"and {number - LISTED:,} more")
    return f"Windhover: {number:,} new video{pluralize(number)} for “{entry}”", "\n\n".join(listed)


def _described(video: Video) -> str:
    """Return title, channel, date and link of a video, in three lines."""
    local = video.published_at.astimezone(settings.DIGEST_TIME_ZONE)
    date = f"{'' if video.published_exact else 'about '}{local.day} {local:%B %Y, %H:%M %Z}"
    title, channel = (" ".join(text.split()) for text in (video.title, video.channel_title))
    return "\n".join([title or video.pk, ", ".join(filter(None, [channel, date])), video.watch_url])


def _drop_old(waiting: Iterable[tuple[KeyWordEntry, Address]], deadline: float) -> None:
    """Drop what is older than KEPT, and waits for an address that has just refused a message; the rest next time.

    Not before: if the clock is wrong, or no worker ran for long, nothing is lost that could be sent.
    """
    old = NewVideo.objects.filter(created_at__lt=timezone.now() - KEPT)
    through = dict(old.values_list("keyword").annotate(Max("pk")).order_by())
    for entry, address in waiting:
        if entry.pk in through and time.monotonic() < deadline:
            receiver, _ = Receiver.objects.get_or_create(keyword=entry, address=address.subject)
            if receiver.claim():
                receiver.miss(through[entry.pk])
                receiver.release()
                _forget_sent(entry)


def _record_refused(entry: KeyWordEntry, address: Address, reason: str) -> None:
    now = timezone.now()
    failed = Incident.objects.open().filter(kind=Incident.Kind.NOTIFICATION_FAILED, subject=address.subject).first()
    wait = min(max(now - failed.opened_at, SHORTEST_WAIT), LONGEST_WAIT) if failed else SHORTEST_WAIT
    missed = Receiver.objects.missed(address.subject)
    lost = f"It missed {missed:,} new video{pluralize(missed)}, found more than {KEPT.days} days ago." if missed else ""
    notify.record_refused(address, f"New videos for “{entry}”", reason, now + wait, lost)


def _forget_sent(entry: KeyWordEntry) -> None:
    """Forget the videos that all addresses of the keyword were notified of; all of them if it has no address."""
    sent = dict(entry.receivers.values_list("address", "sent_through"))
    through = min((sent.get(address.subject, 0) for address in entry.addresses), default=None)
    over = entry.new_videos.all() if through is None else entry.new_videos.filter(pk__lte=through)
    if over.exists():  # on SQLite even a DELETE of no rows takes the write lock
        over.delete()


def _close_removed() -> None:
    """Close the incidents of keywords' addresses that are not used any more."""
    if not Incident.objects.open().filter(kind=Incident.Kind.NOTIFICATION_FAILED).exists():
        return
    notifying = KeyWordEntry.objects.exclude(notify=KeyWordEntry.Notify.OFF)
    used = {address.subject for entry in notifying for address in entry.addresses}
    notify.close_removed(used, "keyword", "webhook")
