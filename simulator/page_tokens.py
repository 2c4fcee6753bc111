"""Page tokens in the form of YouTube.

A token is base64url, without padding, of the protobuf message {1: offset, 2: 0 for a next page, 1 for a
previous one}; so 50 is `CDIQAA` (found by decoding recorded tokens).
"""

import base64
import binascii


def encode(offset: int, *, previous: bool = False) -> str:
    """Return the token of the page that starts at `offset`."""
    message = b"\x08" + _varint(offset) + b"\x10" + _varint(previous)
    return base64.urlsafe_b64encode(message).decode().rstrip("=")


def decode(token: str) -> int:
    """Return the offset of a token; ValueError if it is invalid."""
    try:
        message = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (binascii.Error, ValueError) as error:
        raise ValueError("not base64url") from error
    value = 0
    for position, byte in enumerate(message[1:]):
        value |= (byte & 0x7F) << 7 * position
        if byte < 0x80:
            break
    # Encoding the value again rejects every malformed token.
    if token not in (encode(value), encode(value, previous=True)):
        raise ValueError("not a page token")
    return value


def _varint(value: int) -> bytes:
    written = bytearray()
    while value >= 0x80:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*written, value])
