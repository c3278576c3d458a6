"""A picture as cells of a terminal: half blocks of two pixels each where there are colours, shades where there are few.

A cell is twice as high as wide, so a half block is square, and so are two cells side by side.
"""

from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dgmtui.render.chart import Row
from dgmtui.session.view import Picture

Colours: TypeAlias = Literal["many", "few", "none"]
"""256 or more, 16, or none at all."""

GREYS = (16, *range(232, 256), 231)
WARM = (16, 52, 88, 124, 160, 196, 202, 208, 214, 220, 226)
COOL = (16, 17, 18, 19, 20, 21, 27, 33, 39, 45, 51)
"""Numbers of the 256 colours, dark to light: any terminal that has many has these, in few bytes."""
SHADES = " ░▒▓█"
NONFINITE = "✗"


def columns_of(pixels: int, colours: Colours) -> int:
    """How many columns so many pixels beside each other take."""
    return pixels if colours == "many" else 2 * pixels


def fitted(shape: tuple[int, int], least: int, most: int) -> tuple[int, int]:
    """Height and width in pixels in which ``shape`` is drawn, never distorted: enlarged by a whole number while its
    longer side stays within ``least``, shrunk where that is more than ``most``."""
    longer = max(shape)
    scale = most / longer if longer > most else max(1, min(least, most) // longer)
    return max(1, round(shape[0] * scale)), max(1, round(shape[1] * scale))


def resampled(values: NDArray[np.float32], size: tuple[int, int]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """``values`` ``[H, W, …]`` in ``size`` pixels: the mean of the area that each stands for, and whether any value in
    it is non-finite."""
    down, across = (_areas(old, new) for old, new in zip(values.shape[:2], size, strict=True))
    finite = np.isfinite(values)
    weight = np.einsum("ih,hw...,jw->ij...", down, finite.astype(np.float64), across)
    total = np.einsum("ih,hw...,jw->ij...", down, np.where(finite, values, 0.0).astype(np.float64), across)
    bad = weight < 1 - 1e-9
    return total / np.maximum(weight, 1e-12), bad if bad.ndim == 2 else bad.any(axis=2)


def _areas(old: int, new: int) -> NDArray[np.float64]:
    """``[new, old]``: which share of each new pixel every old one fills; rows add up to 1."""
    edges = np.linspace(0, old, new + 1)
    low, high = edges[:-1, None], edges[1:, None]
    place = np.arange(old)
    overlap = np.clip(np.minimum(high, place + 1) - np.maximum(low, place), 0, None)
    shares: NDArray[np.float64] = overlap / overlap.sum(axis=1, keepdims=True)
    return shares


def cells(picture: Picture, size: tuple[int, int], colours: Colours) -> list[Row]:
    """The picture in ``size`` pixels, a row of pieces a line."""
    values, bad = resampled(picture.values, size)
    if colours == "many":
        return _half_blocks(_painted(picture, values), bad)
    grey = values if values.ndim == 2 else values.mean(axis=2)
    return [
        joined([_shade(picture, v, b, colours) for v, b in zip(line, bads, strict=True)])
        for line, bads in zip(grey.tolist(), bad.tolist(), strict=True)
    ]


def share_of_scale(picture: Picture, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where values lie on the picture's scale: in [0, 1], of a signed one in [-1, 1]."""
    if picture.signed:
        return np.clip(values / (picture.high or 1.0), -1, 1)
    span = picture.high - picture.low
    return np.clip((values - picture.low) / (span or 1.0), 0, 1)


def colour_of(share: float, signed: bool) -> str:
    """The colour of a place on the scale, by its number."""
    ramp = (WARM if share >= 0 else COOL) if signed else GREYS
    return f"color({ramp[round(abs(share) * (len(ramp) - 1))]})"


def shade_of(share: float, signed: bool) -> str:
    """The same as two characters; below zero the first is a minus."""
    glyph = SHADES[round(abs(share) * (len(SHADES) - 1))]
    return glyph * 2 if not signed or share >= 0 or glyph == " " else "-" + glyph


def swatch(share: float, signed: bool, colours: Colours) -> tuple[str, str]:
    """A place on the scale as two characters and their style."""
    if colours == "many":
        return "██", colour_of(share, signed)
    text = shade_of(share, signed)
    return text, ("above" if share > 0 else "below") if signed and colours == "few" and text.strip() else ""


def joined(pieces: list[tuple[str, str]]) -> Row:
    """Neighbours of one style as one piece."""
    row: Row = []
    for text, style in pieces:
        if row and row[-1][1] == style:
            row[-1] = (row[-1][0] + text, style)
        else:
            row.append((text, style))
    return row


def _painted(picture: Picture, values: NDArray[np.float64]) -> list[list[str]]:
    shares = share_of_scale(picture, values)
    if values.ndim == 3:
        return [["#{:02x}{:02x}{:02x}".format(*p) for p in row] for row in np.rint(shares * 255).astype(int).tolist()]
    return [[colour_of(share, picture.signed) for share in row] for row in shares.tolist()]


def _half_blocks(colours: list[list[str]], bad: NDArray[np.bool_]) -> list[Row]:
    rows = []
    for y in range(0, len(colours), 2):
        last = y + 1 == len(colours)
        upper, lower = colours[y], [None] * len(colours[y]) if last else colours[y + 1]
        wrong = [any(column) for column in bad[y : y + 2].T.tolist()]
        rows.append(joined([_block(a, b, w) for a, b, w in zip(upper, lower, wrong, strict=True)]))
    return rows


def _block(upper: str, lower: str | None, bad: bool) -> tuple[str, str]:
    if bad:
        return NONFINITE, "nonfinite"
    if upper == lower:
        return "█", upper
    return "▀", upper if lower is None else f"{upper} on {lower}"


def _shade(picture: Picture, value: float, bad: bool, colours: Colours) -> tuple[str, str]:
    if bad:
        return NONFINITE + " ", "nonfinite"
    return swatch(float(share_of_scale(picture, np.array(value, np.float64))), picture.signed, colours)
