"""Calls to Google made for a user, for back ends that should not hold tokens.

The caller's own credentials and cookies end here, Google's cookies and redirects too. Answers stream.
"""

from collections.abc import AsyncIterator
from urllib.parse import urlencode

import httpx2
from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse
from starlette.background import BackgroundTask

from catflap.errors import BadRequest, CatflapError, TryAgain, UserMustAct
from catflap.google.api import METHODS, Call, check_allowed, needed_scopes, normalise_call
from catflap.settings import GOOGLE_API_URL
from catflap.vault import AccessToken
from catflap.vault.api_keys import ApiKey
from catflap.web.inputs import PathId
from catflap.web.keys import ProxyKey
from catflap.web.security import Parts
from catflap.web.services import Services
from catflap.web.tokens import AccountSub, consent_wanted

router = APIRouter(prefix="/v1")

RETRIED_BYTES = 1024 * 1024
_TO_GOOGLE = frozenset(
    {
        "accept",
        "accept-encoding",
        "accept-language",
        "content-encoding",
        "content-range",
        "content-type",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "range",
        "x-goog-fieldmask",
        "x-upload-content-length",
        "x-upload-content-type",
    }
)
_FROM_GOOGLE = frozenset(
    {
        "accept-ranges",
        "content-encoding",
        "content-language",
        "content-length",
        "content-range",
        "content-type",
        "date",
        "etag",
        "expires",
        "last-modified",
        "retry-after",
        "vary",
    }
)


@router.api_route(
    "/users/{user_id}/google/{host}/{path:path}", methods=sorted(METHODS), include_in_schema=False
)
async def call_google(
    user_id: PathId,
    host: str,
    request: Request,
    key: ProxyKey,
    parts: Parts,
    catflap_account: AccountSub = None,
) -> Response:
    """Make one call; `catflap_account` chooses whose, and is not sent on."""
    detail: str | None = None
    try:
        call = _call(request, host)
        detail = f"{call.method} {call.host}/{'/'.join(call.segments[:2])}"
        check_allowed(call, parts.proxy_rules)
        needed = await _needed_scopes(parts, key, call, user_id, catflap_account)
        answer = await _Forwarding(parts, request, call, user_id, catflap_account, needed).answer()
    except CatflapError as error:
        parts.audit.note(
            "proxy", error.code, key_id=key.id, user_id=user_id, account_sub=catflap_account, detail=detail
        )
        if isinstance(error, UserMustAct):
            return await consent_wanted(parts, error, key, user_id, catflap_account, frozenset())
        raise
    parts.audit.note("proxy", key_id=key.id, user_id=user_id, account_sub=catflap_account, detail=detail)
    return _streamed(answer)


def _call(request: Request, host: str) -> Call:
    raw: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    before, found, path = raw.partition(f"/google/{host}/".encode())
    if not found or b"?" in before:
        raise BadRequest("call_not_allowed", "The proxy does not allow this host.")
    pairs = [(name, value) for name, value in request.query_params.multi_items() if name != "catflap_account"]
    return normalise_call(request.method, host, path, urlencode(pairs))


async def _needed_scopes(
    parts: Services, key: ApiKey, call: Call, user_id: int, account: str | None
) -> frozenset[str]:
    """What the call needs, as far as its path tells; a limited key must have it.

    Raises:
        BadRequest: `forbidden`.
    """
    grant = await parts.vault.grants.find(user_id, account)
    if grant is None:
        return frozenset()
    needed = needed_scopes(call, grant.scopes)
    key.check_scopes(needed)
    return needed


class _Forwarding:
    """One call on its way to Google."""

    def __init__(
        self,
        parts: Services,
        request: Request,
        call: Call,
        user_id: int,
        account: str | None,
        needed: frozenset[str],
    ) -> None:
        self._parts = parts
        self._request = request
        self._user_id = user_id
        self._account = account
        self._needed = needed
        base = f"https://{call.host}"
        if parts.settings.google_api_url != GOOGLE_API_URL:
            base = parts.settings.google_api_url
        self._method = call.method
        self._url = base + call.path + (f"?{call.query}" if call.query else "")

    async def answer(self) -> httpx2.Response:
        """Google's answer, its body not yet read.

        Raises:
            BadRequest: `redirect_refused`; and as `Vault.access_token`.
            TryAgain: `google_unavailable`.
        """
        body, whole = await self._begin_body()
        token = await self._token()
        answer = await self._send(token.token, body)
        if answer.status_code == 401 and whole:
            await answer.aclose()
            token = await self._token(refused=token.token)
            answer = await self._send(token.token, body)
        if answer.is_redirect:
            await answer.aclose()
            raise BadRequest("redirect_refused", "Google answered with a redirect, which is not followed.")
        return answer

    async def _token(self, refused: str | None = None) -> AccessToken:
        # Whether it suffices is Google's to say.
        return await self._parts.vault.access_token(
            self._user_id, self._account, prefer=self._needed, refused=refused
        )

    async def _begin_body(self) -> tuple[bytes | AsyncIterator[bytes], bool]:
        """The body if it is small, else a stream of it that can be sent only once."""
        chunks = self._request.stream()
        begun = b""
        async for chunk in chunks:
            begun += chunk
            if len(begun) > RETRIED_BYTES:
                return _continued(begun, chunks), False
        return begun, True

    async def _send(self, token: str, body: bytes | AsyncIterator[bytes]) -> httpx2.Response:
        headers = {name: value for name, value in self._request.headers.items() if name in _TO_GOOGLE}
        headers.setdefault("accept-encoding", "identity")
        headers["authorization"] = f"Bearer {token}"
        http = self._parts.http
        built = http.build_request(self._method, self._url, headers=headers, content=body or None)
        # What answers to earlier calls set, for whomever, is none of this call's business.
        built.headers.pop("cookie", None)
        try:
            return await http.send(built, stream=True, follow_redirects=False)
        except httpx2.HTTPError as error:
            raise TryAgain(
                "google_unavailable", "Google does not answer right now.", detail=type(error).__name__
            ) from None


async def _continued(begun: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield begun
    async for chunk in rest:
        yield chunk


def _streamed(answer: httpx2.Response) -> StreamingResponse:
    headers = {name: value for name, value in answer.headers.items() if name.lower() in _FROM_GOOGLE}
    # A file from somebody's Drive must never run as a page of ours.
    headers |= {
        "Cache-Control": "private, no-store",
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Content-Disposition": "attachment",
    }
    return StreamingResponse(
        answer.aiter_raw(), answer.status_code, headers=headers, background=BackgroundTask(answer.aclose)
    )
