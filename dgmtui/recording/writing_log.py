"""Appending to the log, and the tensors that its snapshots name."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from dgmtui.recording import schema
from dgmtui.recording.codec import to_json
from dgmtui.recording.creating import writing
from dgmtui.recording.model import StoredTensor, TensorSpec
from dgmtui.recording.schema import LogKind
from dgmtui.recording.written_file import WrittenFile


class LogWriter:
    """The two datasets under ``/log``, and ``/tensors/data``."""

    def __init__(self, file: WrittenFile) -> None:
        self._file = file
        self._traces = 0

    def add(self, kind: LogKind, record: Any) -> None:
        """Append a record."""
        self._add_text(kind, to_json(record))

    def add_trace(self, graph_json: str) -> int:
        """Append a trace and return its id."""
        self._add_text(LogKind.TRACE, graph_json)
        self._traces += 1
        return self._traces - 1

    def add_tensors(self, tensors: Mapping[str, StoredTensor]) -> dict[str, TensorSpec]:
        """Append the bytes of tensors and return where they lie."""
        blob = self._file.appenders[schema.TENSORS]
        size = sum(stored.data.size for stored in tensors.values())
        self._file.ensure_room(size + self._file.grows[schema.TENSORS] + 512 * len(tensors))
        with writing(self._file.path):
            return {
                name: TensorSpec(t.dtype, tuple(t.shape), blob.append(t.data), t.data.size)
                for name, t in tensors.items()
            }

    def _add_text(self, kind: LogKind, text: str) -> None:
        data = np.frombuffer(text.encode(), schema.U1)
        self._file.ensure_room(len(data) + self._file.grows[schema.LOG_DATA])
        with writing(self._file.path):
            offset = self._file.appenders[schema.LOG_DATA].append(data)
            self._file.appenders[schema.LOG_TABLE].append(np.array([[kind, offset, len(data)]]))
