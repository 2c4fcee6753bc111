"""Where messages such as "Saved." wait for the next page."""

from django.conf import settings
from django.contrib.messages.storage.cookie import CookieStorage


class MessageCookie(CookieStorage):
    """A cookie with a name of its own for each instance, as for sessions: they may share a host."""

    cookie_name = settings.MESSAGES_COOKIE_NAME
