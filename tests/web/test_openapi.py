"""The OpenAPI document is valid, and says of every operation what a client has to know."""

import re
from collections.abc import Callable
from inspect import isasyncgenfunction, iscoroutinefunction
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, Security
from fastapi.routing import APIRoute
from fastapi.security import APIKeyHeader
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import BaseModel

from catflap.web.routers import auth_router, me_router, mia_router, token_router
from catflap.web.schemas.error_codes import ERROR_CODES
from tests.support.app_client import RunningApp
from tests.support.openapi import PROBLEM, Conformance, NotDeclared, operations

pytestmark = pytest.mark.slow  # starts an application for each test

# Their errors have another shape, which clients rely on.
PLAIN = {"/storeauthcode", "/app/google-calendar/tokens"}
# The address is the credential, or there is nothing to protect.
OPEN = {
    "/consents/{secret}",
    "/google/calendar/push",
    "/google/risc",
    "/healthz",
    "/readyz",
    "/signin/google/desktop",
    "/signin/handover",
    "/v1/dialects",
    "/v1/pairings",
    "/v1/pairings/{handle}",
    "/v1/sounds/{name}",
}


@pytest.fixture
def document(app: RunningApp) -> dict[str, Any]:
    found: dict[str, Any] = app.catflap.web.openapi()
    return found


def test_the_document_is_valid(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    assert [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


def test_every_operation_declares_what_a_client_has_to_know(document: dict[str, Any]) -> None:
    declared_tags = {tag["name"] for tag in document["tags"]}
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(ids)) == len(ids) > 45
    for method, path, operation in operations(document):
        assert re.fullmatch("[a-z]+([A-Z][a-z]*)*", operation["operationId"]), (method, path)
        assert set(operation["tags"]) <= declared_tags and len(operation["tags"]) == 1, (method, path)
        assert operation["summary"] and operation["description"], (method, path)
        assert bool(operation.get("security")) == (path not in OPEN), (method, path)
        assert ("401" in operation["responses"]) == (path not in OPEN), (method, path)
        parameters = re.findall(r"{(\w+)}", path)
        assert parameters == [p["name"] for p in operation.get("parameters", ()) if p["in"] == "path"]


def test_every_success_is_described(document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        successes = {s: r for s, r in operation["responses"].items() if s < "4"}
        assert successes, (method, path)
        for status, response in successes.items():
            assert response["description"] not in ("", "Successful Response"), (method, path, status)
            if status in ("200", "201", "206"):
                for media_type, media in response["content"].items():
                    assert media["schema"] or path.endswith("{path}"), (method, path, media_type)
            elif status in ("303", "307"):
                assert "Location" in response["headers"], (method, path)
            else:
                assert "content" not in response, (method, path, status)


def test_every_error_is_a_problem_with_the_codes_it_can_have(document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        failures = {
            s: r for s, r in operation["responses"].items() if s >= "4" and s not in ("416", "default")
        }
        assert {"413", "500", "503"} <= failures.keys(), (method, path)
        for status, response in failures.items():
            if path in PLAIN:
                assert response["content"]["application/json"]["schema"]["$ref"].endswith("/PlainError")
                continue
            media = response["content"][PROBLEM]
            assert media["schema"] == {"$ref": "#/components/schemas/CatflapProblem"}, (method, path, status)
            codes = media["examples"]
            assert codes and {str(ERROR_CODES[code].status) for code in codes} == {status}, (method, path)
            assert ("Retry-After" in response.get("headers", {})) == (status in ("429", "503"))
            assert ("WWW-Authenticate" in response.get("headers", {})) == (status == "401")


def test_examples_are_valid(document: dict[str, Any]) -> None:
    def schemas(found: Any) -> Any:
        if isinstance(found, dict):
            if isinstance(found.get("examples"), list):
                yield found
            for one in found.values():
                yield from schemas(one)
        elif isinstance(found, list):
            for one in found:
                yield from schemas(one)

    found = list(schemas(document))
    assert len(found) > 30
    for schema in found:
        validator = Draft202012Validator({**schema, "components": document["components"]})
        for example in schema["examples"]:
            assert not list(validator.iter_errors(example)), schema


def test_no_body_is_left_undescribed(document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        if method in ("post", "put", "patch") and not re.search(
            "signout|sessions$|heartbeat|primary|push$|acknowledge$|repeat$|invitations$|introduction$", path
        ):
            content = operation["requestBody"]["content"]
            assert all(media["schema"] or path.endswith("{path}") for media in content.values()), path


@pytest.mark.parametrize(
    ("status", "content_type", "body"),
    [
        (418, PROBLEM, b"{}"),
        (200, "text/html", b"<p>"),
        (200, "application/json", b'{"user_id": 17}'),
        (200, "application/json", b'{"user_id": 17, "accounts": [], "grants": [], "password": "x"}'),
        (200, "application/json", b'{"user_id": 17, "accounts": [], "grants": [], "csrf_token": null}'),
        (
            401,
            PROBLEM,
            b'{"type": "urn:x", "title": "t", "status": 401, "detail": "d", "code": "not_found"}',
        ),
    ],
)
def test_an_answer_that_is_not_declared_is_noticed(
    document: dict[str, Any], status: int, content_type: str, body: bytes
) -> None:
    with pytest.raises(NotDeclared):
        Conformance(document).check("GET", "/v1/me", status, content_type, body)


def test_a_key_is_checked_for_the_user_in_the_path() -> None:
    def names(dependant: Any) -> set[str]:
        return {getattr(dependant.call, "__qualname__", "")}.union(*map(names, dependant.dependencies))

    found = [route for route in token_router().routes if "{user_id}" in route.path]
    assert len(found) > 8
    for route in found:
        assert any("require_key_for_user" in name for name in names(route.dependant)), route


@pytest.mark.parametrize("make_router", [auth_router, me_router, mia_router, token_router])
def test_no_route_and_none_of_its_dependencies_waits_for_a_thread(
    make_router: Callable[[], APIRouter],
) -> None:
    """FastAPI calls functions and classes in threads, which costs more than most of what they do."""

    def plain(dependant: Any) -> set[str]:
        call = dependant.call
        is_async = iscoroutinefunction(call) or iscoroutinefunction(type(call).__call__)
        return set() if call is None or is_async or isasyncgenfunction(call) else {repr(call)}

    def all_plain(dependant: Any) -> set[str]:
        return plain(dependant).union(*map(all_plain, dependant.dependencies))

    routes = [one for one in make_router().routes if isinstance(one, APIRoute)]
    assert len(routes) > 5
    assert set().union(*(all_plain(one.dependant) for one in routes)) == set()


def test_the_document_of_a_host_application_describes_both() -> None:
    class GrantResource(BaseModel):
        """The host's own, of the same name as one of ours."""

        grants: int

    host = FastAPI()

    @host.get("/theirs/{number}")
    async def theirs(number: int) -> GrantResource:
        return GrantResource(grants=number)

    for router in (auth_router, token_router, me_router, mia_router):
        host.include_router(router(), prefix="/catflap")
    document = host.openapi()
    assert [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()] == []
    found = {path for _, path, operation in operations(document) if "422" in operation["responses"]}
    assert found == {"/theirs/{number}"}
    assert "CatflapProblem" in document["components"]["schemas"]


def test_a_page_of_the_app_is_not_part_of_it(document: dict[str, Any]) -> None:
    assert not {"/", "/signin/window"} & document["paths"].keys()


@pytest.mark.parametrize("name", ["apiKey", "sessionCookie", "sessionToken", "deviceToken", "bearer"])
def test_a_host_keeps_a_security_scheme_of_any_usual_name(name: str) -> None:
    host_app = FastAPI()

    @host_app.get("/theirs")
    async def theirs(_key: str = Security(APIKeyHeader(name="X-Theirs", scheme_name=name))) -> None: ...

    for router in (auth_router, token_router, me_router, mia_router):
        host_app.include_router(router(), prefix="/ours")
    schemes = host_app.openapi()["components"]["securitySchemes"]
    assert schemes.pop(name) == {"type": "apiKey", "in": "header", "name": "X-Theirs"}
    assert schemes and all(ours.startswith("catflap") for ours in schemes)
