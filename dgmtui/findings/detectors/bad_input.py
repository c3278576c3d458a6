"""Inputs that teach nothing or badly: constant, out of scale, far from centred, sorted by class."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dgmtui.findings.case import Case
from dgmtui.findings.losses.batches import Batch
from dgmtui.findings.losses.entries import Entry
from dgmtui.findings.model import Evidence, Finding, Severity, line_of
from dgmtui.findings.registry import detector
from dgmtui.findings.thresholds import Thresholds
from dgmtui.findings.visits import batches

_LEAST_SAMPLES = 16
_LEAST_SNAPSHOTS = 3


@dataclass(frozen=True)
class Trouble:
    """What is wrong with an input, in words, with a number for it."""

    said: str
    advice: str
    value: float
    severity: Severity = Severity.WARNING


@detector("bad_input")
def bad_input(case: Case) -> Iterator[Finding]:
    """What goes into the first layer is constant, or its scale, its mean or its features' scales hinder learning."""
    for every in by_entry(batches(case)).values():
        odd, seen = _odd_batches(every, case.thresholds)
        if odd:
            yield _of_one_batch(case, odd[0], seen)
        table = np.concatenate([rows_of(entry, values) for _, entry, values in seen])
        if len(table) < _LEAST_SAMPLES or len({batch.snapshot.iteration for batch, _, _ in seen}) < _LEAST_SNAPSHOTS:
            continue
        shape = seen[0][2].shape
        troubles = [*_constant(table, shape, seen[0][1]), *_scale(table, seen[0][1], case.thresholds)]
        if troubles:
            yield _finding(case, seen[0][0], seen[0][1], table, troubles)


def _odd_batches(every: "Sequence[Seen]", limits: Thresholds) -> "tuple[list[Seen], list[Seen]]":
    """Those whose ordinary sample is many times the size of the other batches', and the others; few are odd."""
    sizes = np.array([size_of(entry, values) for _, entry, values in every])
    odd = sizes > limits.outlier_gap * np.median(sizes)
    if len(every) < 4 or not odd.any() or odd.mean() > 0.25 or not np.median(sizes) > 0:
        return [], list(every)
    return [s for s, is_odd in zip(every, odd, strict=True) if is_odd], [
        s for s, is_odd in zip(every, odd, strict=True) if not is_odd
    ]


def size_of(entry: Entry, values: NDArray[np.float64]) -> float:
    """Root mean square of a batch's median sample: one outlier does not alter it."""
    return float(np.median(np.sqrt(np.mean(rows_of(entry, values) ** 2, axis=1))))


def _of_one_batch(case: Case, odd: "Seen", others: "Sequence[Seen]") -> Finding:
    batch, entry, values = odd
    size, usual = size_of(entry, values), float(np.median([size_of(e, v) for _, e, v in others]))
    said = (
        f"all of the batch of iteration {batch.snapshot.iteration:,} is out of scale: its samples are of size "
        f"{size:.4g}, "
        f"those of the {len(others)} other snapshots of {usual:.4g}"
    )
    advice = "Look at where that batch was read from: a damaged file, a part that was not made ready like the rest."
    return _finding(case, batch, entry, rows_of(entry, values), [Trouble(said, advice, size)])


Seen = tuple[Batch, Entry, NDArray[np.float64]]


def by_entry(seen: Sequence[Batch]) -> dict[tuple[str, int, tuple[int, ...]], list[Seen]]:
    """The values that go into each first operation, snapshot by snapshot."""
    found: dict[tuple[str, int, tuple[int, ...]], list[Seen]] = {}
    for batch in seen:
        for place, (entry, values) in enumerate(batch.entering):
            table = np.asarray(values, np.float64)
            shape = np.moveaxis(table, entry.axis, 0).shape[1:]
            found.setdefault((batch.snapshot.turn, place, shape), []).append((batch, entry, table))
    return found


def rows_of(entry: Entry, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """``[N, F]``, a sample a row."""
    moved = np.moveaxis(values, entry.axis, 0)
    return moved.reshape(len(moved), -1)


def _constant(table: NDArray[np.float64], shape: tuple[int, ...], entry: Entry) -> Iterator[Trouble]:
    """All samples alike, or a whole block of features the same in all of them."""
    same = np.ptp(table, axis=0) == 0
    if same.all():
        flat = f"all {table[0, 0]:.4g}" if np.ptp(table) == 0 else "one and the same"
        yield Trouble(
            f"all {len(table):,} samples of the snapshots are {flat}: no output can depend on them",
            "Look at how the batch is read and made ready: what differs between samples is lost before the model.",
            1.0,
            Severity.ERROR,
        )
        return
    channels = _dead_channels(table, shape, entry)
    if channels:
        yield Trouble(
            f"channel{'s' * (len(channels) > 1)} {', '.join(map(str, channels))} of {shape[1]} "
            f"{'are' if len(channels) > 1 else 'is'} zero throughout",
            "Look at how the channels are read and stacked.",
            len(channels) / shape[1],
        )
    elif table.shape[1] >= 4 and same.mean() >= 0.5 and np.mean(table[:, ~same] != 0) > 0.5:
        yield Trouble(
            f"{int(same.sum())} of {len(same)} features are the same in all {len(table):,} samples, though the others "
            "are not sparse",
            "Look at how the features are read: half of them carry nothing.",
            float(same.mean()),
        )


def _dead_channels(table: NDArray[np.float64], shape: tuple[int, ...], entry: Entry) -> list[int]:
    """Channels of images or signals that are zero in every sample."""
    if len(shape) < 3 or entry.axis != 0 or not 1 < shape[1] <= 64:
        return []
    by_channel = table.reshape(len(table), shape[1], -1)
    return [int(c) for c in np.flatnonzero((by_channel == 0).all(axis=(0, 2)))]


def _scale(table: NDArray[np.float64], entry: Entry, limits: Thresholds) -> Iterator[Trouble]:
    """Too large, too small, far from zero, or of features whose scales have nothing to do with each other."""
    spread = table.std(axis=0)
    if entry.normalised or not np.isfinite(table).all() or not (spread > 0).any():
        return
    kept = table[:, spread > 0]
    size = np.sqrt(np.mean(kept**2, axis=0))
    whole, spread = float(np.sqrt(np.mean(kept**2))), spread[spread > 0]
    uneven = float(size.max() / size.min())
    dense = float(np.mean(kept != 0)) > 0.5
    if whole > limits.input_large:
        yield Trouble(
            f"its values are of size {whole:.4g} ({kept.min():.4g} … {kept.max():.4g}), where layers are initialised "
            "for "
            "values of order one",
            "Standardise it: subtract each feature's mean and divide by its standard deviation (images: divide by "
            "255).",
            whole,
        )
    elif whole < limits.input_small and dense:
        yield Trouble(
            f"its values are of size {whole:.3g} ({kept.min():.3g} … {kept.max():.3g}): next to the biases they are "
            "nothing",
            "Standardise it; look whether it was divided twice (images by 255 once more after ToTensor).",
            whole,
        )
    if uneven > limits.input_uneven and dense and kept.shape[1] > 1:
        yield Trouble(
            f"its features' sizes run from {size.min():.3g} to {size.max():.3g}: the large ones decide every step",
            "Standardise each feature by its own mean and standard deviation.",
            uneven,
        )
    off = float(np.median(np.abs(kept.mean(axis=0)) / spread))
    if off > limits.input_off_centre and whole <= limits.input_large:
        yield Trouble(
            f"its features lie {off:.3g} standard deviations from zero: what differs between samples is a small part "
            "of it",
            "Subtract each feature's mean.",
            off,
        )


def _finding(
    case: Case, batch: Batch, entry: Entry, table: NDArray[np.float64], troubles: Sequence[Trouble]
) -> Finding:
    graph = batch.graph
    node = graph.nodes[entry.node]
    worst = min(troubles, key=lambda trouble: trouble.severity != Severity.ERROR)
    name = entry.source.partition(":")[2] or entry.source
    return Finding(
        kind="bad_input",
        severity=worst.severity,
        iteration=batch.snapshot.iteration,
        rank=case.recording.info.rank,
        phase="input",
        turn=batch.snapshot.turn or None,
        module=graph.module_of(node),
        op=node.name,
        **line_of(node.source),
        value=worst.value,
        message=(
            f"The input `{name}`, as {_taker(graph.module_of(node), node.name)} takes it, can hardly be learned from: "
            + "; ".join(trouble.said for trouble in troubles)
            + "."
        ),
        advice=worst.advice,
        evidence=(Evidence(f"goto {batch.snapshot.iteration}", f"{len(table):,} samples of the snapshots"),),
        data={"input": entry.source, "values": [trouble.value for trouble in troubles]},
    )


def _taker(module: str, op: str) -> str:
    return f"`{module}`" if module else f"`{op}`"
