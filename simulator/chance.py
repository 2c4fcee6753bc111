"""Chance that repeats itself: every drawing follows from a few words, never from the order of asking."""

import base64
import hashlib
import random


def number(*words: object) -> int:
    """Return a 64-bit number that follows from ``words``."""
    return int.from_bytes(_digest(8, words), "big")


def fraction(*words: object) -> float:
    """Return a float in (0, 1] that follows from ``words``."""
    return (number(*words) + 1) / 2**64


def generator(*words: object) -> random.Random:
    """Return a random generator whose whole sequence follows from ``words``."""
    return random.Random(number(*words))


def letters(size: int, *words: object) -> str:
    """Return ``size`` bytes that follow from ``words``, in base64url without padding, like YouTube's ids."""
    return base64.urlsafe_b64encode(_digest(size, words)).decode().rstrip("=")


def _digest(size: int, words: tuple[object, ...]) -> bytes:
    return hashlib.blake2b("\0".join(map(str, words)).encode("utf-8", "surrogatepass"), digest_size=size).digest()
