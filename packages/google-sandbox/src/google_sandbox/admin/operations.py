"""The HTTP admin API: one operation for each method of `Sandbox` that is marked with `admin_route`.

Parameters in the path's braces come from the path, the others from the JSON body (POST, PUT, PATCH) or the
query (GET, DELETE). There is no authentication, since the sandbox holds nothing real and listens on loopback
by default. Errors are `{"error": "a sentence"}` with status 400 (ValueError) or 404 (LookupError).
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, get_args, get_type_hints

from starlette.responses import Response

from google_sandbox.admin.json_values import parse_object, read_json, read_text, write_json
from google_sandbox.app import Endpoint
from google_sandbox.errors import ApiError
from google_sandbox.request import Call
from google_sandbox.responses import json_response

PREFIX = "/sandbox/"
_MARK = "admin_route"
Method = TypeVar("Method", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class AdminRoute:
    """How a method is reached; see `admin_route`."""

    verb: str
    path: str
    result: str | None
    body: str | None


def admin_route(
    verb: str, path: str, *, result: str | None = None, body: str | None = None
) -> Callable[[Method], Method]:
    """Mark a method as an operation of the admin API.

    Args:
        verb: the HTTP method.
        path: relative to `/sandbox/`. If the last parameter in it has a default, it may be left out.
        result: the member of the response that holds what the method returns; needed if that is no object.
        body: the parameter that is the whole request body: raw for `bytes`, otherwise a JSON object.
    """

    def mark(method: Method) -> Method:
        setattr(method, _MARK, AdminRoute(verb, path, result, body))
        return method

    return mark


@dataclass(frozen=True, slots=True)
class Operation:
    """One method as the admin API has it.

    Args:
        parameters: those of the method, without `self`.
        hints: the types of the parameters, and of the result as `return`.
    """

    name: str
    route: AdminRoute
    documentation: str
    parameters: Mapping[str, inspect.Parameter]
    hints: Mapping[str, Any]

    @property
    def paths(self) -> list[str]:
        """The paths below `/sandbox/`, the full one first."""
        names = self.path_parameters
        optional = names and self.parameters[names[-1]].default is not inspect.Parameter.empty
        short = [self.route.path.removesuffix(f"/{{{names[-1]}}}")] if optional else []
        return [self.route.path, *(path for path in short if path != self.route.path)]

    @property
    def path_parameters(self) -> list[str]:
        """The names in the path's braces."""
        return re.findall(r"{(\w+)}", self.route.path)

    @property
    def members(self) -> dict[str, inspect.Parameter]:
        """The parameters that the query or the members of the JSON body give."""
        elsewhere = {*self.path_parameters, self.route.body}
        return {
            name: parameter
            for name, parameter in self.parameters.items()
            if name not in elsewhere and parameter.kind is not inspect.Parameter.VAR_KEYWORD
        }

    @property
    def other_members(self) -> str | None:
        """The name of the method's `**` parameter, which takes members of any other name."""
        kinds = {parameter.kind: name for name, parameter in self.parameters.items()}
        return kinds.get(inspect.Parameter.VAR_KEYWORD)

    @property
    def in_query(self) -> bool:
        """Whether the members come from the query."""
        return self.route.verb in ("GET", "DELETE")

    @property
    def raw_body(self) -> bool:
        """Whether the request body is passed on as it is."""
        body = self.route.body
        return body is not None and bytes in (self.hints[body], *get_args(self.hints[body]))

    def arguments(self, call: Call) -> dict[str, Any]:
        """Return the arguments of the method from a request.

        Raises:
            ValueError: for a missing or unknown member, or one that is there twice or of a wrong type (the
                message names it), and for a body that is not a JSON object.
        """
        found = {name: read_text(self.hints[name], value, name) for name, value in call.path.items()}
        if self.route.body is not None:
            content = call.body if self.raw_body else parse_object(call.body)
            return {**found, self.route.body: content}
        given: Mapping[str, Any] = _unique_query(call) if self.in_query else parse_object(call.body)
        read = read_text if self.in_query else read_json
        for name, value in given.items():
            known = name if name in self.members else self.other_members
            if known is None or name in {"self", *self.path_parameters}:
                raise ValueError(
                    f"unknown member {name[:80]!r}; there are {', '.join(self.members) or 'none'}"
                )
            found[name] = read(self.hints[known], value, name)
        for name, parameter in self.members.items():
            if name not in found and parameter.default is inspect.Parameter.empty:
                raise ValueError(f"{name} is missing")
        return found

    def result(self, value: Any) -> dict[str, Any]:
        """Return the JSON object that tells what the method returned."""
        if self.route.result is not None:
            return {self.route.result: write_json(value)}
        written: dict[str, Any] = {} if value is None else write_json(value)
        return written


@functools.cache
def operations(owner: type) -> tuple[Operation, ...]:
    """Return the operations of a class, in the order of its methods."""
    return tuple(
        Operation(
            name,
            getattr(method, _MARK),
            inspect.getdoc(method) or "",
            {k: p for k, p in inspect.signature(method).parameters.items() if k != "self"},
            get_type_hints(method),
        )
        for kind in owner.__mro__
        for name, method in vars(kind).items()
        if hasattr(method, _MARK)
    )


def endpoints(sandbox: object) -> Iterator[Endpoint]:
    """Yield the endpoints of a sandbox's operations."""
    owner: type = type(sandbox)
    for operation in operations(owner):
        handler = _handler(operation, getattr(sandbox, operation.name))
        for path in operation.paths:
            yield Endpoint(f"admin.{operation.name}", operation.route.verb, PREFIX + path, handler)


def _unique_query(call: Call) -> dict[str, str]:
    """Return the query parameters.

    Raises:
        ValueError: if one is there twice.
    """
    query: dict[str, str] = {}
    for name, value in call.query.multi_items():
        if name in query:
            raise ValueError(f"{name[:80]} is there twice")
        query[name] = value
    return query


def _handler(operation: Operation, method: Callable[..., Any]) -> Callable[[Call], Response]:
    def handler(call: Call) -> Response:
        try:
            return json_response(operation.result(method(**operation.arguments(call))))
        except LookupError as error:
            return json_response({"error": str(error.args[0]) if error.args else "not found"}, 404)
        except ValueError as error:
            return json_response({"error": str(error)}, 400)
        except ApiError as error:
            return json_response({"error": str(error.body["message"])}, 400)

    return handler
