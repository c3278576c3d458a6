"""What an SVG chart is put together from: where its parts are, how they look, text that is safe in XML."""

import re
from dataclasses import dataclass
from typing import overload
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 960, 540
"""Of the picture, in pixels."""
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
STYLE = """
text { font: 12px sans-serif; fill: #222; } .title { font-weight: bold; font-size: 14px; } .caption { fill: #555; }
.end { text-anchor: end; } .middle { text-anchor: middle; }
.ground { fill: #fff; } .frame, .tick { fill: none; stroke: #999; } .cursor { stroke: #555; stroke-dasharray: 2 3; }
polyline, .key { fill: none; stroke-width: 1.2; stroke-linejoin: round; stroke-linecap: round; }
.density, .band { fill: #777; stroke: none; } .median { fill: none; stroke: #777; stroke-dasharray: 6 4; }
.cover polyline, .key.cover { stroke: #2f7fa6; } .exit.cover { fill: #2f7fa6; }
.outlier polyline, .key.outlier { stroke: #a66a00; stroke-dasharray: 7 2; }
.exit.outlier, .name.outlier { fill: #a66a00; }
.event polyline, .key.event { stroke: #9c2d99; stroke-dasharray: 2 3; }
.exit.event, .name.event { fill: #9c2d99; }
.nonfinite polyline, .key.nonfinite, .failure { stroke: #c62828; }
.exit.nonfinite, .name.nonfinite { fill: #c62828; }
.selected polyline, .key.selected { stroke: #111; stroke-width: 2; } .exit.selected, .name.selected { fill: #111; }
.picked polyline, .key.picked { stroke: #111; stroke-width: 3; } .exit.picked, .name.picked { fill: #111; }
.failure { fill: none; stroke-width: 2; } .name.selected, .name.picked { font-weight: bold; }
"""
"""Kinds are told apart by stroke and mark as well as by colour."""


@dataclass(frozen=True)
class Box:
    """Where the lines are drawn."""

    left: int
    top: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """Its right edge."""
        return self.left + self.width

    @property
    def bottom(self) -> int:
        """Its lower edge."""
        return self.top + self.height

    @overload
    def x(self, position: float) -> float: ...
    @overload
    def x(self, position: NDArray[np.floating]) -> NDArray[np.floating]: ...
    def x(self, position: float | NDArray[np.floating]) -> float | NDArray[np.floating]:
        """The pixel of a position in [0, 1]."""
        return self.left + position * self.width

    @overload
    def y(self, height: float) -> float: ...
    @overload
    def y(self, height: NDArray[np.floating]) -> NDArray[np.floating]: ...
    def y(self, height: float | NDArray[np.floating]) -> float | NDArray[np.floating]:
        """The pixel of a height in [0, 1], 0 the bottom."""
        return self.top + (1 - height) * self.height


BOX = Box(left=76, top=56, width=740, height=408)


def text(x: float, y: float, content: str, style: str = "", tag: str = "text") -> str:
    """A text element (or a ``title``, which has no place); whatever XML can't hold is replaced."""
    safe = escape(_FORBIDDEN.sub("\ufffd", content))
    if tag != "text":
        return f"<{tag}>{safe}</{tag}>"
    return f'<text class="{style}" x="{x:.1f}" y="{y:.1f}">{safe}</text>'


def points(x: NDArray[np.floating], y: NDArray[np.floating]) -> str:
    """``"76.0,310.5 77.0,309.8"``; a single point twice, since a line of one is not painted."""
    pairs = [f"{a:.1f},{b:.1f}" for a, b in zip(x.tolist(), y.tolist(), strict=True)]
    return " ".join(pairs * 2 if len(pairs) == 1 else pairs)
