"""Tell the admin, through whatever Apprise can reach: mail, chat, push, webhooks.

Addresses: https://github.com/caronc/apprise/wiki
"""

import logging

logger = logging.getLogger(__name__)


def notify(addresses: str, title: str, body: str) -> bool:
    """Send a message to `addresses` (Apprise's form, separated by commas or spaces); tell whether all took it."""
    from apprise import Apprise  # imported here: it loads a hundred services, and most processes never tell

    messenger = Apprise()
    if not addresses or not messenger.add(addresses):
        return False
    sent = bool(messenger.notify(title=title, body=body))
    if not sent:
        # The addresses hold passwords, so they are not named.
        logger.warning("The admin could not be told: %s", title)
    return sent
