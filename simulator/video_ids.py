"""Video ids that look like YouTube's and encode where the video is.

An id is 64 bits in base64url: eleven characters, of which the first may be `-` or `_`. It encodes, scrambled, a
stream (16 bits), a moment (32 bits, Unix seconds) and a number (16 bits), so that a video can be found after a restart
without generating everything that was ever published.
"""

import base64
import binascii

_MASK = 2**64 - 1
# Odd, so that it has an inverse modulo 2**64; derived from the golden ratio, which mixes the bits well.
_MULTIPLIER = 0x9E3779B97F4A7C15
_INVERSE = pow(_MULTIPLIER, -1, 2**64)


def encode(salt: int, stream: int, moment: int, number: int) -> str:
    """Return the id of a video; `salt` makes the ids of different seeds differ."""
    bits = (stream & 0xFFFF) << 48 | (moment & 0xFFFFFFFF) << 16 | number & 0xFFFF
    for _ in range(2):
        bits = (bits ^ salt) * _MULTIPLIER & _MASK
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
        bits = (bits * _INVERSE & _MASK) ^ salt
    return bits >> 48, bits >> 16 & 0xFFFFFFFF
