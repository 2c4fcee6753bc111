"""The chart: which share of the videos is found within how many hours."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MultipleLocator, PercentFormatter

from benchmarks.quota.figures import Figures
from benchmarks.quota.setting import Setting

INK: Final = "#1f2933"
FAINT: Final = "#697683"
GRID: Final = "#e6eaee"

# The name and the line style of each strategy. The dashed line is drawn last, so that others show through.
LINES: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "burst": ("Every 10 seconds", {"color": "#c2410c", "linewidth": 2.5}),
    "even": ("The same for each keyword", {"color": "#7c8a97", "linewidth": 2}),
    "single": ("Windhover, each alone", {"color": "#5b8fd6", "linewidth": 2}),
    "windhover": ("Windhover", {"color": "#0b8a83", "linewidth": 3.5}),
    "optimum": ("Optimum of single searches", {"color": INK, "linewidth": 1.5, "linestyle": (0, (4, 2))}),
}
# The share of the height that a label of two lines needs.
LABEL: Final = 0.125


def draw(setting: Setting, results: Mapping[str, Figures], path: Path) -> None:
    """Draw, for each strategy, the share of the videos shown that it found within so many hours."""
    figure = Figure(figsize=(10, 5.4), facecolor="white")
    axes = figure.add_axes((0.07, 0.13, 0.6, 0.69))
    longest = max((figures.delays[-1] / 60 for figures in results.values() if figures.delays), default=1.0)
    for name, (_, look) in LINES.items():
        _draw_line(axes, results[name], longest, look)
    _name_lines(axes, results)
    _dress(axes, longest)
    quota = results["burst"].searches
    subtitle = f"Of {results['windhover'].shown:,} videos about {setting.keywords:,} keywords in {setting.days} days"
    figure.text(0.07, 0.93, "How soon a new video is found", fontsize=16, fontweight="bold", color=INK)
    figure.text(0.07, 0.875, f"{subtitle}, the share found with {quota:,} searches a day", fontsize=11, color=FAINT)
    figure.savefig(path, dpi=160)


def _draw_line(axes: Axes, figures: Figures, longest: float, look: Mapping[str, Any]) -> None:
    hours = [0.0, *(delay / 60 for delay in figures.delays), longest]
    shares = [number / max(figures.shown, 1) for number in range(len(figures.delays) + 1)]
    axes.step(hours, [*shares, shares[-1]], where="post", solid_capstyle="round", **look)


def _name_lines(axes: Axes, results: Mapping[str, Figures]) -> None:
    """Write each strategy's name at the end of its line, or below if there is no room."""
    room = 1.0
    for name in sorted(LINES, key=lambda name: -results[name].found):
        title, look = LINES[name]
        figures = results[name]
        height = min(figures.found, room)
        room = height - LABEL
        axes.annotate(
            "",
            xy=(1, figures.found),
            xytext=(1.05, height),
            xycoords=axes.get_yaxis_transform(),
            arrowprops={"arrowstyle": "-", "color": look["color"], "linewidth": 1, "shrinkA": 0, "shrinkB": 0},
        )
        mean = "" if figures.mean is None else f", on average after {figures.mean:.0f} min"
        place = {"transform": axes.get_yaxis_transform(), "color": look["color"]}
        axes.text(1.06, height, title, va="center", fontsize=11, fontweight="bold", **place)
        axes.text(1.06, height - 0.05, f"{figures.found:.1%} found{mean}", va="center", fontsize=9.5, **place)


def _dress(axes: Axes, longest: float) -> None:
    axes.set_xlim(0, longest)
    axes.set_ylim(0, 1)
    axes.set_xlabel("hours since YouTube showed it", color=FAINT, fontsize=10, labelpad=8)
    axes.xaxis.set_major_locator(MultipleLocator(1 if longest <= 12 else 3))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda hours, _: f"{hours:.0f}"))
    axes.yaxis.set_major_locator(MultipleLocator(0.25))
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.tick_params(length=0, labelsize=10, labelcolor=FAINT, pad=6)
    axes.grid(color=GRID)
    axes.set_axisbelow(True)
    axes.spines[:].set_visible(False)
    axes.spines["bottom"].set(visible=True, color=FAINT)
