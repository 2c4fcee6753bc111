"""Send signed JSON to a web address: a webhook.

The receiver computes the HMAC-SHA256 of the raw body with the shared secret, and compares it with the header
`X-Windhover-Signature`. The body says when it was sent, so that an old request cannot be replayed.
"""

import hmac
from typing import Final

import requests

from core.bounded import BoundedAdapter, ResponseTooLarge
from core.proxies import proxy_for

TIMEOUT_SECONDS: Final = 10


class NotAccepted(Exception):
    """The receiver did not accept the message. The text says why, without its address, which may contain a secret."""


def post(url: str, body: bytes, *, delivery: str, secret: str) -> None:
    """Send `body`, which is JSON, to `url`; raise NotAccepted unless the response's status is 2xx.

    `delivery` identifies what is sent, so that the receiver can recognize a repetition. Redirects are not followed.
    """
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Windhover (self-hosted keyword watcher)",
        "Accept-Encoding": "identity",
        "X-Windhover-Delivery": delivery,
        "X-Windhover-Signature": signature(body, secret),
    }
    with requests.Session() as session:
        for scheme in ("http://", "https://"):
            session.mount(scheme, BoundedAdapter())
        try:
            proxy = proxy_for(url) or ""  # empty means none: the library must not read the environment itself
            answer = session.post(
                url,
                data=body,
                headers=headers,
                proxies={"http": proxy, "https": proxy},
                timeout=TIMEOUT_SECONDS,
                allow_redirects=False,
                stream=True,  # only the status matters
            )
        except ResponseTooLarge as error:
            raise NotAccepted(f"the response {error}") from None
        except requests.Timeout:
            raise NotAccepted(f"no response within {TIMEOUT_SECONDS} seconds") from None
        except (requests.RequestException, ValueError):  # ValueError: an address that is none after all
            raise NotAccepted("it could not be reached") from None
    if not 200 <= answer.status_code < 300:
        raise NotAccepted(f"HTTP {answer.status_code}")


def is_address(url: str) -> bool:
    """Return whether `url` is an http or https address."""
    try:
        prepared = requests.Request("POST", url).prepare()
    except (requests.RequestException, ValueError):
        return False
    return url.lower().startswith(("http://", "https://")) and url.isprintable() and " " not in url and bool(prepared)


def signature(body: bytes, secret: str) -> str:
    """Return the value of the header X-Windhover-Signature."""
    return f"sha256={hmac.digest(secret.encode(), body, 'sha256').hex()}"
