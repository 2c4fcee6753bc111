"""Tell the admin, through whatever Apprise can reach: mail, chat, push, webhooks.

Addresses: https://github.com/caronc/apprise/wiki
"""

import logging

logger = logging.getLogger(__name__)


def notify(addresses: str, title: str, body: str, *, all_must_take_it: bool = True) -> bool:
    """Send a message to `addresses` (Apprise's form, separated by commas or spaces); tell whether all took it, or
    whether any did."""
    from apprise import Apprise  # imported here: it loads a hundred services, and most processes never tell

    messenger = Apprise()
    if not addresses or not messenger.add(addresses):
        return False
    taken = [bool(address.notify(title=title, body=body)) for address in messenger]
    sent = all(taken) if all_must_take_it else any(taken)
    if not sent:
        # The addresses hold passwords, so they are not named.
        logger.warning("The admin could not be told: %s", title)
    return sent
