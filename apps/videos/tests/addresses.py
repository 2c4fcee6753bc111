"""All addresses, as the URL resolver knows them."""

from collections.abc import Iterator

from django.urls import URLPattern, URLResolver, get_resolver
from django.utils.regex_helper import normalize


def addresses(patterns: list[URLPattern | URLResolver], before: str = "/") -> Iterator[str]:
    """Yield each address of the project, with %(name)s for its variable parts."""
    for pattern in patterns:
        ((address, _), *_) = normalize(pattern.pattern.regex.pattern)
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns, before + address)
        else:
            yield before + address


ADDRESSES = sorted(set(addresses(get_resolver().url_patterns)))
