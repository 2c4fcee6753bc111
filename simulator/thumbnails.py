"""Thumbnails: small SVG pictures whose colors and shapes are derived from the id."""

from simulator import seeded

# Names under `/vi/<id>/` with their width and height in pixels, as on YouTube.
SIZES: dict[str, tuple[int, int]] = {
    "default": (120, 90),
    "mqdefault": (320, 180),
    "hqdefault": (480, 360),
    "sddefault": (640, 480),
    "maxresdefault": (1280, 720),
    "maxres": (1280, 720),
    "1": (120, 90),
    "2": (120, 90),
    "3": (120, 90),
}


def size(name: str) -> tuple[int, int] | None:
    """Return the width and height of a picture by its name, such as `mqdefault_live.jpg`; None if unknown."""
    return SIZES.get(name.removesuffix(".jpg").removesuffix("_live"))


def draw(identity: str, width: int, height: int) -> str:
    """Return an SVG of hills under a sun.

    The scene is 16:9. Pictures of other proportions get black bars, as on YouTube, where pages cut them off.
    """
    rng = seeded.generator("thumbnail", identity)
    hue = rng.randrange(360)
    sky, low = f"hsl({hue} 65% 72%)", f"hsl({(hue + 40) % 360} 75% 88%)"
    hills = []
    for layer in range(3):
        base = 105 + layer * 22
        points = " ".join(f"{x},{base - rng.randint(0, 34)}" for x in range(40, 320, 40))
        shade = f"hsl({(hue + 150) % 360} {30 + layer * 8}% {52 - layer * 14}%)"
        hills.append(f'<polygon fill="{shade}" points="0,180 0,{base} {points} 320,{base - 8} 320,180"/>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 320 180" '
        'style="background:#000">'
        f'<linearGradient id="g" x2="0" y2="1"><stop stop-color="{sky}"/>'
        f'<stop offset="1" stop-color="{low}"/>'
        '</linearGradient><rect width="320" height="180" fill="url(#g)"/>'
        f'<circle cx="{rng.randint(40, 280)}" cy="{rng.randint(28, 70)}" r="{rng.randint(14, 30)}" '
        'fill="#fffc"/>'
        f"{''.join(hills)}</svg>"
    )
