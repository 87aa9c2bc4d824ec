"""A back end that uses the generated client; see tests/web/test_generated_client.py.

It is type-checked and run by a Python of its own, in which the client is `catflap_api`.
"""

import sys

from catflap_api import AuthenticatedClient
from catflap_api.api.keys import list_api_keys
from catflap_api.api.tokens import get_access_token
from catflap_api.api.users import create_consent, create_user
from catflap_api.models import (
    AccessTokenResource,
    ApiKeyList,
    CatflapProblem,
    ConsentBody,
    ConsentLink,
    UserBody,
    UserResource,
)


def main(url: str, api_key: str, user_id: int, return_to: str) -> None:
    """Get a token, get to know an error by its code, and open the consent that it asks for."""
    with AuthenticatedClient(base_url=url, token=api_key) as client:
        live = get_access_token.sync(user_id, client=client, scopes="calendar")
        assert isinstance(live, AccessTokenResource), live
        assert "calendar.events.readonly" in live.scopes and live.expires_at.tzinfo is not None

        user = create_user.sync(client=client, body=UserBody(external_id="somebody"))
        assert isinstance(user, UserResource), user
        problem = get_access_token.sync(user.id, client=client)
        assert isinstance(problem, CatflapProblem) and problem.code == "not_found", problem
        assert problem.consent
        link = create_consent.sync(
            user.id, client=client, body=ConsentBody(scopes=problem.consent.scopes, return_to=return_to)
        )
        assert isinstance(link, ConsentLink), link

        forbidden = list_api_keys.sync_detailed(client=client)
        assert forbidden.status_code == 403 and not isinstance(forbidden.parsed, ApiKeyList)
        assert forbidden.parsed and forbidden.parsed.code == "forbidden"
        print(live.access_token)  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
