"""Read pages."""

import re


def videos_on(page: str) -> list[str]:
    """Return the ids of the videos that a list shows, in its order."""
    return re.findall(r'<li class="card[^"]*" id="video-([^"]+)"', page)
