"""Charts as SVG, for pages: bars with a spread, and lines. They bring their own background, light or dark as the reader's
system has it, and need neither scripts nor fonts.
"""

import math
from collections.abc import Sequence
from html import escape
from typing import Final, NamedTuple

WIDTH: Final = 760
# Dark enough on the light background and light enough on the dark one.
_COLOURS: Final = (
    ("#2563c9", "#7db1ff"),
    ("#b4490f", "#ffab6b"),
    ("#177245", "#62d196"),
    ("#8a2fa8", "#dd9af5"),
    ("#6b6f00", "#d7dc5c"),
    ("#a01f45", "#ff94b3"),
)
_DASHES: Final = ("", "7 4", "2 4", "9 3 2 3")


class Bar(NamedTuple):
    """`note` stands where there is no value to draw."""

    name: str
    value: float | None
    low: float = 0
    high: float = 0
    note: str = ""


class Line(NamedTuple):
    """`points` are (x, middle, low, high). Lines of one `colour` belong together and differ by `dash`. `ends` says why the
    last point is the last."""

    name: str
    points: Sequence[tuple[float, float, float, float]]
    colour: int = 0
    dash: int = 0
    ends: str = ""


def bars(title: str, below: str, rows: Sequence[Bar]) -> str:
    """Horizontal, in the order given; each with its value, and a whisker from the smallest to the largest."""
    left, right, top, step = 300, 130, 64, 34
    most = max((row.high for row in rows if row.value is not None), default=1) or 1
    scale = (WIDTH - left - right) / most
    parts = []
    for number, row in enumerate(rows):
        y = top + number * step
        parts.append(_text(left - 10, y + 15, row.name, "end"))
        if row.value is None:
            parts.append(_text(left + 4, y + 15, row.note, css="faint"))
            continue
        middle = y + 11
        parts.append(
            f'<rect class="c0" x="{left}" y="{y}" width="{max(1, row.value * scale):.1f}" height="22" rx="2"/>'
        )
        parts.append(_whisker(left + row.low * scale, left + row.high * scale, middle))
        parts.append(_text(left + row.high * scale + 10, y + 15, f"{row.value:,.0f}"))
    height = top + len(rows) * step + 34
    return _picture(title, below, height, parts)


def lines(title: str, below: str, drawn: Sequence[Line], x_name: str, y_name: str, limit: float | None = None) -> str:
    """With a band from the smallest to the largest, a legend, and a mark where a line ends because something broke. Values
    far above `limit` are cut off."""
    left, right, top, plot = 64, 32, 64, 300
    points = [point for line in drawn for point in line.points]
    x_ticks = ticks(max((x for x, *_ in points), default=1))
    highest = max((high for *_, high in points), default=1)
    y_ticks = ticks(min(highest, limit * 2) if limit else highest)
    width = WIDTH - left - right

    def place(x: float, y: float) -> tuple[float, float]:
        return left + x / x_ticks[-1] * width, top + plot - min(y / y_ticks[-1], 1) * plot

    parts = []
    for tick in y_ticks:
        y = place(0, tick)[1]
        parts.append(f'<path class="grid" d="M{left} {y:.1f}H{WIDTH - right}"/>')
        parts.append(_text(left - 8, y + 4, f"{tick:,g}", "end"))
    parts += [_text(place(tick, 0)[0], top + plot + 20, f"{tick:,g}", "middle") for tick in x_ticks]
    parts.append(_text(WIDTH - right, top + plot + 40, x_name, "end", "faint"))
    parts.append(_text(left, top - 10, y_name, css="faint"))
    if limit is not None and limit <= y_ticks[-1]:
        y = place(0, limit)[1]
        parts.append(f'<path class="limit" d="M{left} {y:.1f}H{WIDTH - right}"/>')
    legend = top + plot + 64
    for number, line in enumerate(drawn):
        colour, dash = f"c{line.colour % len(_COLOURS)}", _DASHES[line.dash % len(_DASHES)]
        band = [place(x, high) for x, _, _, high in line.points] + [place(x, low) for x, _, low, _ in line.points[::-1]]
        path = [place(x, middle) for x, middle, _, _ in line.points]
        stroke = f' stroke-dasharray="{dash}"' if dash else ""
        parts.append(f'<path class="band {colour}" d="M{_path(band)}Z"/>')
        parts.append(f'<path class="line {colour}"{stroke} d="M{_path(path)}"/>')
        if line.ends and path:
            x, y = path[-1]
            parts.append(f'<path class="line {colour}" d="M{x - 5:.1f} {y - 5:.1f}l10 10m0 -10l-10 10"/>')
        y = legend + number * 22
        parts.append(f'<path class="line {colour}"{stroke} d="M{left} {y - 4}h34"/>')
        parts.append(_text(left + 44, y, line.name + (f", ✕ {line.ends}" if line.ends else "")))
    return _picture(title, below, legend + len(drawn) * 22 + 20, parts)


def ticks(most: float) -> list[float]:
    """From 0 in four to eight round steps, the last at least `most`."""
    if most <= 0:
        return [0, 1]
    unit = 10 ** math.floor(math.log10(most / 4))
    step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor * 8 >= most)
    return [round(step * number, 10) for number in range(math.ceil(most / step - 1e-9) + 1)]


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _whisker(low: float, high: float, y: float) -> str:
    return f'<path class="whisker" d="M{low:.1f} {y}H{high:.1f}M{low:.1f} {y - 5}v10M{high:.1f} {y - 5}v10"/>'


def _text(x: float, y: float, said: str, anchor: str = "start", css: str = "") -> str:
    attributes = f' class="{css}"' if css else ""
    return f'<text{attributes} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(said)}</text>'


def _picture(title: str, below: str, height: float, parts: Sequence[str]) -> str:
    def colours(which: int) -> str:
        return "".join(
            f"rect.c{n},.band.c{n}{{fill:{pair[which]}}}.line.c{n}{{stroke:{pair[which]}}}"
            for n, pair in enumerate(_COLOURS)
        )

    style = (
        "text{font:13px system-ui,sans-serif;fill:#1c2129}.title{font-weight:600;font-size:15px}.faint{fill:#5a6473}"
        ".back{fill:#fff}.grid{stroke:#d9dee6}.limit{stroke:#a01f45;stroke-dasharray:3 3}"
        ".whisker{stroke:#1c2129;fill:none}.line{fill:none;stroke-width:2}.band{opacity:.15}"
        f"{colours(0)}"
        "@media (prefers-color-scheme:dark){text{fill:#e6eaf0}.faint{fill:#9aa5b5}.back{fill:#12161c}.grid{stroke:#2c333d}"
        f".whisker{{stroke:#e6eaf0}}.limit{{stroke:#ff94b3}}{colours(1)}}}"
    )
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img">',
            f"<title>{escape(title)}</title>",
            f"<style>{style}</style>",
            f'<rect class="back" width="{WIDTH}" height="{height:.0f}"/>',
            _text(20, 26, title, css="title"),
            _text(20, height - 12, below, css="faint"),
            *parts,
            "</svg>\n",
        ]
    )
