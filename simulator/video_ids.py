"""Video ids that look like YouTube's and encode where the video is.

An id is 64 bits in base64url: eleven characters, of which the first may be `-` or `_`. It encodes, scrambled, a
stream (16 bits), a moment (32 bits, Unix seconds) and a number (16 bits), so that a video can be found after a restart
without generating everything that was ever published.
"""

import base64
import binascii

_ALL = 2**64 - 1
# Odd, so that multiplying by it modulo 2**64 can be undone; the golden ratio spreads bits well.
_SPREAD = 0x9E3779B97F4A7C15
_GATHER = pow(_SPREAD, -1, 2**64)


def encode(salt: int, stream: int, moment: int, number: int) -> str:
    """Return the id of a video; `salt` makes the ids of different seeds differ."""
    bits = (stream & 0xFFFF) << 48 | (moment & 0xFFFFFFFF) << 16 | number & 0xFFFF
    for _ in range(2):
        bits = (bits ^ salt) * _SPREAD & _ALL
        bits ^= bits >> 32
    return base64.urlsafe_b64encode(bits.to_bytes(8, "big")).decode()[:11]


def decode(salt: int, video_id: str) -> tuple[int, int]:
    """Return the stream and the moment of an id; ValueError if it is not an id."""
    try:
        bits = int.from_bytes(base64.b64decode(video_id + "=", altchars=b"-_", validate=True), "big")
    except (binascii.Error, ValueError) as error:
        raise ValueError("no video id") from error
    for _ in range(2):
        bits ^= bits >> 32
        bits = (bits * _GATHER & _ALL) ^ salt
    return bits >> 48, bits >> 16 & 0xFFFFFFFF
