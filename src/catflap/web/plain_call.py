"""Call handlers without FastAPI's dependency solver, which takes longer than our most frequent request.

For each request FastAPI finds out anew what the parameters of a handler are. `PlainCall` reads that once,
from what FastAPI knows of the handler (`APIRoute.dependant`), and uses the same validators. Left to FastAPI
are

- handlers that need more than values of path and query, the request, and asynchronous dependencies that need
  no more either, or that do not build their response themselves: `PlainCall.of` returns None for them;
- requests in which a value is missing or invalid, so that errors about input are made in one place.
"""

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields
from types import NoneType, UnionType
from typing import Annotated, Any, Self, Union, get_args, get_origin

from fastapi import Request, Response
from fastapi._compat import ModelField
from fastapi.dependencies.models import Dependant

_INVALID = object()
_SCALARS = frozenset({str, int, float, bool, NoneType})
# What `PlainCall` takes into account of a dependant, or what has no effect for one without the rest.
_TAKEN = frozenset(
    {
        "path_params",
        "query_params",
        "dependencies",
        "request_param_name",
        "http_connection_param_name",
        "name",
        "call",
        "path",
        "scope",
    }
)


@dataclass(frozen=True)
class _Parameter:
    """A parameter in path or query; `missing` is its value when the request does not have it."""

    name: str
    alias: str
    missing: object
    validate: Callable[..., tuple[Any, list[Any]]]

    def read(self, sent: Mapping[str, str]) -> object:
        """Return the value, or _INVALID."""
        text = sent.get(self.alias)
        if text is None:
            return self.missing
        value, errors = self.validate(text, {}, loc=())
        return _INVALID if errors else value


@dataclass(frozen=True)
class _Step:
    """A dependency, or the handler: what to call, and where its arguments come from.

    `request` and `connection` are the arguments that are the request, with and without its body; `results`
    those that earlier steps return, with the numbers of these steps.
    """

    call: Callable[..., Awaitable[Any]]
    path: tuple[_Parameter, ...]
    query: tuple[_Parameter, ...]
    request: str | None
    connection: str | None
    results: tuple[tuple[str, int], ...]


class PlainCall:
    """A handler and its dependencies, each before those that need it."""

    def __init__(self, steps: Sequence[_Step]) -> None:
        self._steps = steps
        # The values of a request without a query.
        self._defaults = [{one.name: one.missing for one in step.query} for step in steps]

    @classmethod
    def of(cls, dependant: Dependant) -> Self | None:
        """Return how to call the handler of `dependant`; None when FastAPI must."""
        answers = inspect.signature(dependant.call).return_annotation if dependant.call else None
        if not (inspect.isclass(answers) and issubclass(answers, Response)):
            return None
        steps: list[_Step] = []
        try:
            _add_step(dependant, steps)
        except _NotPlain:
            return None
        return cls(steps)

    @property
    def may_read_body(self) -> bool:
        """Whether the handler or a dependency gets the request with its body."""
        return any(step.request for step in self._steps)

    async def answer(self, request: Request) -> Response | None:
        """Return the handler's response; None, with nothing called, when a value is missing or invalid."""
        arguments = self._values(request)
        if arguments is None:
            return None
        results: list[Any] = []
        for step, given in zip(self._steps, arguments, strict=True):
            if step.request:
                given[step.request] = request
            if step.connection:
                given[step.connection] = request
            for name, number in step.results:
                given[name] = results[number]
            results.append(await step.call(**given))
        response: Response = results[-1]
        return response

    def _values(self, request: Request) -> list[dict[str, Any]] | None:
        """Return the arguments of each step that are values of the request; None when one is not valid."""
        path, query = request.path_params, request.query_params if request.scope["query_string"] else None
        found = []
        for step, defaults in zip(self._steps, self._defaults, strict=True):
            values = defaults.copy()
            for one in step.path:
                values[one.name] = one.read(path)
            if query is not None:
                for one in step.query:
                    values[one.name] = one.read(query)
            if _INVALID in values.values():
                return None
            found.append(values)
        return found


class _NotPlain(Exception):
    """FastAPI must solve this dependant."""


def _add_step(dependant: Dependant, steps: list[_Step]) -> int:
    """Add the steps of a dependant that are not there yet; return the number of its own."""
    call = dependant.call
    is_async = inspect.iscoroutinefunction(call) or inspect.iscoroutinefunction(type(call).__call__)
    if call is None or not is_async or any(_is_set(dependant, one) for one in fields(dependant)):
        raise _NotPlain
    results = [(one.name, _add_step(one, steps)) for one in dependant.dependencies]
    for number, known in enumerate(steps):
        if known.call is call:
            return number
    steps.append(
        _Step(
            call=call,
            path=tuple(_parameter(one) for one in dependant.path_params),
            query=tuple(_parameter(one) for one in dependant.query_params),
            request=dependant.request_param_name,
            connection=dependant.http_connection_param_name,
            results=tuple((name, number) for name, number in results if name),
        )
    )
    return len(steps) - 1


def _is_set(dependant: Dependant, attribute: "Field[Any]") -> bool:
    """Return whether an attribute that is not taken into account has an effect."""
    if attribute.name in _TAKEN:
        return False
    value = getattr(dependant, attribute.name)
    return value not in (None, []) and (attribute.default is MISSING or value != attribute.default)


def _parameter(field: ModelField) -> _Parameter:
    info = field.field_info
    renamed = field.validation_alias not in (None, field.alias)
    if renamed or not _is_scalar(info.annotation) or info.default_factory or info.validate_default:
        raise _NotPlain
    missing = _INVALID if info.is_required() else info.default
    return _Parameter(field.name, field.alias, missing, field.validate)


def _is_scalar(annotation: Any) -> bool:
    if get_origin(annotation) is Annotated:
        return _is_scalar(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return all(_is_scalar(one) for one in get_args(annotation))
    return annotation in _SCALARS
