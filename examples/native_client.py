"""The requests of a native app: exchange a `serverAuthCode` for a bearer token, then call your API.

python examples/native_client.py http://127.0.0.1:8400 4/0A…
"""

import sys

import httpx2


def main(catflap_url: str, server_auth_code: str) -> None:
    """Sign in with a code from google_sign_in, AuthorizationClient or GIDSignIn, then ask who we are."""
    with httpx2.Client(base_url=catflap_url) as http:
        body = {"code": server_auth_code, "client": "native", "scopes": "calendar"}
        answer = http.post("/signin/google/code", json=body)
        answer.raise_for_status()
        signed_in = answer.json()
        print("signed in:", signed_in["account"]["email"])
        if signed_in["missing"]:
            print("not allowed:", ", ".join(signed_in["missing"]))
        # Keep the bearer where the phone keeps secrets: Keychain, Keystore.
        bearer = {"Authorization": f"Bearer {signed_in['token']}"}
        print(
            "grants:", [grant["state"] for grant in http.get("/v1/grants", headers=bearer).json()["grants"]]
        )


if __name__ == "__main__":
    main(*sys.argv[1:3])
