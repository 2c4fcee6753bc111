"""Repeatable random values: each is derived from a few words, not from the order of calls."""

import base64
import hashlib
import random


def number(*words: object) -> int:
    """Return a 64-bit number derived from `words`."""
    return int.from_bytes(_digest(8, words), "big")


def fraction(*words: object) -> float:
    """Return a float in (0, 1] derived from `words`."""
    return (number(*words) + 1) / 2**64


def generator(*words: object) -> random.Random:
    """Return a random generator seeded with `words`."""
    return random.Random(number(*words))


def letters(size: int, *words: object) -> str:
    """Return `size` bytes derived from `words`, in base64url without padding, like YouTube's ids."""
    return base64.urlsafe_b64encode(_digest(size, words)).decode().rstrip("=")


def _digest(size: int, words: tuple[object, ...]) -> bytes:
    return hashlib.blake2b("\0".join(map(str, words)).encode("utf-8", "surrogatepass"), digest_size=size).digest()
