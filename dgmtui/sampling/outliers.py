"""Lane B: series unlike the others, by their shape or because nothing lies near them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dgmtui.sampling.distance import Space
from dgmtui.sampling.motion import Motion
from dgmtui.sampling.shape import LIKE, Like, strangeness

CANDIDATES = 2048
"""Of either kind."""
REFERENCES, USUAL = 2048, 512
"""How many series distances are taken to, and of how many of them what is usual is learnt."""
GROUPS = 16
"""Of references; L∞ is looked at to the nearest of each by D²."""
NEIGHBOUR = 4
LEAST_SCORE = 1.5
FAVOUR = np.float32(1.5)
"""By so much another must score higher to take the place of a series that is on the chart."""
LEAST_GAP = 4.0
"""Dots (L∞) from all that is shown; less is not seen."""
BLOCK, TILE = 256, 32768
"""Series, and distances, worked on at a time, so that they stay in the processor's cache."""


def chebyshev(points: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    """L∞ distances ``[P, O]`` of features ``points`` ``[F, P]`` and ``others`` ``[F, O]``, in dots."""
    out = np.zeros((points.shape[1], others.shape[1]), np.float32)
    height = max(1, TILE // max(others.shape[1], 1))
    gap = np.empty((height, others.shape[1]), np.float32)
    for top in range(0, len(out), height):
        tile = out[top : top + height]
        room = gap[: len(tile)]
        for a, b in zip(points[:, top : top + height], others, strict=True):
            np.subtract(a[:, None], b[None], out=room)
            np.abs(room, out=room)
            np.maximum(tile, room, out=tile)
    return out


def isolated(
    space: Space,
    moving: Motion,
    gaps: NDArray[np.float32],
    shown: NDArray[np.int64],
    k: int,
    rng: np.random.Generator,
    offered: Sequence[int] = (),
) -> list[int]:
    """Up to ``k`` series unlike the others and apart from ``shown``; by turns the strangest and the loneliest.

    Args:
        offered: series that are on the chart now; others take their place only if they are much more unlike.
        gaps: ``[N]`` dots², to the nearest pick, as ``Cover`` gives them.
        shown: ``[P]``, series that are picked already.
    """
    if k == 0 or not space.count:
        return []
    some = space.some(LIKE, rng)
    found = []
    for values in (strangeness(space, rng), np.sqrt(np.maximum(gaps, 0))):
        values[space.unusable] = -np.inf
        like = Like.among(values[some], moving.noise[some])
        found.append(like.greatest(values, moving.noise, CANDIDATES))
    candidates = np.union1d(found[0][0], found[1][0])
    strange = np.full(len(candidates), -np.inf, np.float32)
    strange[np.searchsorted(candidates, found[0][0])] = found[0][1]
    lonely = loneliness(space, candidates, moving.noise, rng)
    favour = np.where(np.isin(candidates, np.array(offered, np.int64)), FAVOUR, np.float32(1))
    scores = tuple(score * favour for score in (strange, lonely))
    worth = tuple(np.where(score >= LEAST_SCORE, score, -np.inf).astype(np.float32) for score in scores)
    return chosen_apart(space, candidates, worth, shown, k)


def loneliness(
    space: Space, candidates: NDArray[np.int64], of_noise: NDArray[np.float32], rng: np.random.Generator
) -> NDArray[np.float32]:
    """``[P]``: L∞ of each candidate to its 4th nearest of some random references, as ``Like`` scores it."""
    references = space.some(REFERENCES, rng)
    few = references[:: -(-len(references) // USUAL)]
    usual = Like.among(neighbour_distance(space, few, references), of_noise[few])
    return usual.score(neighbour_distance(space, candidates, references), of_noise[candidates])


def neighbour_distance(
    space: Space, candidates: NDArray[np.int64], references: NDArray[np.int64]
) -> NDArray[np.float32]:
    """``[P]`` dots: L∞ to the 4th nearest of the references other than itself, among the nearest of each group."""
    groups = min(GROUPS, len(references))
    rank = min(NEIGHBOUR, groups) - 1
    starts = np.arange(groups) * len(references) // groups
    stops = np.append(starts[1:], len(references))
    out = np.empty(len(candidates), np.float32)
    points = space.features[:, references]
    for left in range(0, len(candidates), BLOCK):
        part = candidates[left : left + BLOCK]
        squared = space.squared(part, references)
        squared[part[:, None] == references[None]] = np.inf
        between = zip(starts, stops, strict=True)
        nearest = np.stack([a + squared[:, a:b].argmin(axis=1) for a, b in between], axis=1)
        gaps = np.abs(space.features[:, part][:, :, None] - points[:, nearest]).max(axis=0)
        out[left : left + BLOCK] = np.partition(gaps, rank, axis=1)[:, rank]
    return out


def chosen_apart(
    space: Space,
    candidates: NDArray[np.int64],
    scores: tuple[NDArray[np.float32], ...],
    shown: NDArray[np.int64],
    k: int,
) -> list[int]:
    """Up to ``k`` of ``candidates`` ``[P]``, by turns the best of each of ``scores`` ``[P]``, at least 4 dots (L∞) from
    ``shown`` and one another."""
    if not len(candidates):
        return []
    points = space.features[:, candidates]
    apart = chebyshev(points, space.features[:, shown]).min(axis=1)
    chosen: list[int] = []
    turns = list(scores)
    while len(chosen) < k:
        worth = np.where(apart >= LEAST_GAP, turns[0], -np.inf)
        best = int(worth.argmax())
        if worth[best] == -np.inf:
            turns = turns[1:]
            if not turns:
                break
            continue
        chosen.append(int(candidates[best]))
        apart = np.minimum(apart, chebyshev(points, points[:, [best]])[:, 0])
        turns = [*turns[1:], turns[0]]
    return chosen
