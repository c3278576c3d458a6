import numpy as np

from dgmtui.sampling.cover import ALIKE, Cover
from dgmtui.sampling.distance import Space


def walks(seed, count=600, columns=16):
    middle = np.cumsum(np.random.default_rng(seed).normal(0, 12, (columns, count)), axis=0)
    return np.vstack([middle - 3, middle + 3]).astype(np.float32)


def cover(seed, *steps):
    made = Cover(Space(walks(seed)), np.random.default_rng(seed))
    for k in steps:
        made.extend(k)
        made.gaps()
    return made


def test_every_prefix_is_spaced_by_its_radius():
    for seed in range(3):
        made = cover(seed, 90)
        points = Space(walks(seed)).exact(np.array(made.order))
        distances = np.sqrt(((points[:, None] - points[None]) ** 2).sum(-1))
        for n in range(2, 91):
            least = distances[:n, :n][~np.eye(n, dtype=bool)].min()
            assert least >= made.radii[n - 1] * (1 - 1e-9)
        assert all(a >= b for a, b in zip(made.radii, made.radii[1:], strict=False))


def test_picks_do_not_depend_on_how_they_were_asked_for():
    whole = cover(5, 80)
    assert cover(5, 20).order == whole.order[:20]
    assert cover(5, 7, 23, 41, 80).order == whole.order


def test_gaps_are_to_the_nearest_pick():
    made = cover(6, 21)
    space = Space(walks(6))
    points, picks = space.exact(np.arange(space.count)), space.exact(np.array(made.order))
    distances = np.sqrt(((points[:, None] - picks[None]) ** 2).sum(-1))
    assert np.allclose(np.sqrt(made.gaps()), distances.min(axis=1), atol=ALIKE)


def test_what_is_offered_is_taken_where_it_would_do():
    whole = cover(7, 60)
    offered = whole.order[10:40]
    made = Cover(Space(walks(7)), np.random.default_rng(8), offered)
    made.extend(60)
    assert len(set(offered) & set(made.order)) > 2 * len(set(offered) & set(cover(8, 60).order))
    points = Space(walks(7)).exact(np.array(made.order))
    distances = np.sqrt(((points[:, None] - points[None]) ** 2).sum(-1))
    assert distances[~np.eye(60, dtype=bool)].min() >= made.radii[-1] * (1 - 1e-9)
