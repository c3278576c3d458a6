"""The frozen types as JSON and back, every value checked: what a file claims is not believed."""

import json
import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np

from dgmtui.errors import RecordingError

T = TypeVar("T")
INT_BOUND = 2**63
KNOWN_FIELDS: dict[type[Any], tuple[tuple[str, Any, bool], ...]] = {}


def to_json(value: Any) -> str:
    """Strict JSON of a frozen type or of plain data; non-finite floats become ``"nan"``, ``"inf"``, ``"-inf"``."""
    return json.dumps(plain(value), allow_nan=False, separators=(",", ":"), ensure_ascii=True)


def plain(value: Any) -> Any:
    """The same as dicts, lists, strings and finite numbers; what is none of these becomes its ``str``."""
    if is_dataclass(value) and not isinstance(value, type):
        told = [f for f in fields(value) if not (f.metadata.get("sparse") and getattr(value, f.name) == f.default)]
        return {f.name: plain(getattr(value, f.name)) for f in told}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return value if np.isfinite(value) else str(value)
    return value if value is None or isinstance(value, str | int | bool) else str(value)


def from_json(text: bytes | str) -> Any:
    """Parse JSON; ``RecordingError`` where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RecordingError(f"a JSON text in the recording can't be parsed ({error}): the file is damaged.") from error


def decode(kind: type[T], data: Any) -> T:
    """A frozen type from parsed JSON; unknown fields are passed over, wrong ones raise ``RecordingError``."""
    result: T = _value(kind, data, kind.__name__)
    return result


def _value(kind: Any, data: Any, where: str) -> Any:
    origin, arguments = get_origin(kind), get_args(kind)
    if kind is Any:
        return data
    if origin in (Union, types.UnionType):
        present = next(argument for argument in arguments if argument is not type(None))
        return None if data is None else _value(present, data, where)
    if origin is tuple:
        return tuple(_value(arguments[0], item, where) for item in _expect(list, data, where))
    if origin is Mapping:
        items = _expect(dict, data, where).items()
        return {str(key): _value(arguments[1], item, where) for key, item in items}
    if is_dataclass(kind) and isinstance(kind, type):
        return _dataclass(kind, _expect(dict, data, where))
    return _scalar(kind, data, where)


def _dataclass(kind: type[Any], data: Mapping[str, Any]) -> Any:
    given = {}
    for name, hint, required in _fields_of(kind):
        if name in data:
            given[name] = _value(hint, data[name], f"{kind.__name__}.{name}")
        elif required:
            raise _wrong(f"{kind.__name__}.{name}", "nothing")
    return kind(**given)


def _fields_of(kind: type[Any]) -> tuple[tuple[str, Any, bool], ...]:
    """Name, type and whether it is required, of each field; working out the types is slow, so it is done once."""
    if kind not in KNOWN_FIELDS:
        hints = get_type_hints(kind)
        KNOWN_FIELDS[kind] = tuple(
            (f.name, hints[f.name], f.default is MISSING and f.default_factory is MISSING) for f in fields(kind)
        )
    return KNOWN_FIELDS[kind]


def _scalar(kind: Any, data: Any, where: str) -> Any:
    if issubclass(kind, Enum):
        try:
            return kind(data)
        except ValueError as error:
            raise _wrong(where, data) from error
    if kind is float:
        return _float(data, where)
    value = _expect(kind, data, where)
    if kind is int and not -INT_BOUND <= value < INT_BOUND:
        raise _wrong(where, "a huge number")
    return value


def _float(data: Any, where: str) -> float:
    if isinstance(data, bool) or not isinstance(data, str | int | float):
        raise _wrong(where, data)
    try:
        return float(data)
    except (ValueError, OverflowError) as error:
        raise _wrong(where, data) from error


def _expect(kind: type[Any], data: Any, where: str) -> Any:
    if not isinstance(data, kind) or (kind is int and isinstance(data, bool)):
        raise _wrong(where, data)
    return data


def _wrong(where: str, data: Any) -> RecordingError:
    shown = str(data)[:40]
    return RecordingError(f"the recording says {shown!r} where {where} should be: the file is damaged.")
