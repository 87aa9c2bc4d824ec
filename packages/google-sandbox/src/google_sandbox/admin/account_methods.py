"""Admin methods about accounts, their Calendar settings and OAuth clients."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import get_args

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from google_sandbox.admin.base import Strings, strings
from google_sandbox.admin.operations import admin_route
from google_sandbox.admin.token_methods import TokenMethods
from google_sandbox.calendar.setting_values import change_settings, settings_of
from google_sandbox.models import Client, ClientType, Project, SandboxAccount, stable_sub
from google_sandbox.risc.streams import ServiceAccount


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account made by `add_accounts`; it has tokens if a client was named."""

    sub: str
    email: str
    name: str
    locale: str
    access_token: str | None = None
    refresh_token: str | None = None
    scope: str | None = None


class AccountMethods(TokenMethods):
    """Accounts, clients and service accounts."""

    @admin_route("GET", "accounts", result="accounts")
    def accounts(self) -> list[SandboxAccount]:
        """Return every account."""
        return list(self.state.accounts.values())

    @admin_route("PUT", "accounts/{email}")
    def add_account(
        self, email: str, name: str | None = None, sub: str | None = None, locale: str = "en"
    ) -> SandboxAccount:
        """Return the account with this address, created if there is none.

        Args:
            email: its address.
            name: the person's full name; made from the address if not given.
            sub: its stable identifier; derived from seed and address if not given.
            locale: the person's language, such as `ja`.

        Raises:
            ValueError: if this is not an email address, or another account has this `sub`.
        """
        return self.state.add_account(email, name, sub, locale)

    @admin_route("POST", "accounts", result="accounts")
    def add_accounts(
        self,
        count: int | None = None,
        domain: str = "load.example.com",
        *,
        email: str | None = None,
        name: str | None = None,
        sub: str | None = None,
        locale: str = "en",
        client_id: str | None = None,
        scopes: Strings = (),
    ) -> list[NewAccount]:
        """Create one account by `email`, or `count` accounts at once for load tests.

        Args:
            count: how many: `user0@domain`, `user1@domain` and so on.
            domain: the part of their addresses after the @.
            email: the address of the only one.
            name: its person's full name.
            sub: its stable identifier.
            locale: its person's language.
            client_id: consent to this client for each account, and return tokens.
            scopes: what is consented to.

        Raises:
            LookupError: if there is no such client.
            ValueError: if neither or both of `email` and `count` are given, or a value makes no sense.
        """
        if count is None and email is None:
            raise ValueError("email is missing (or count, for many accounts)")
        if count is not None and email is not None:
            raise ValueError("give email or count, not both")
        if count is not None and not 1 <= count <= 1_000_000:
            raise ValueError("count must be between 1 and 1000000")
        if client_id is not None:
            self._consentable(client_id, scopes)
        if email is not None:
            made = [self.add_account(email, name, sub, locale)]
        else:
            made = [self.add_account(f"user{number}@{domain}") for number in range(count or 0)]
        if client_id is None:
            return [NewAccount(one.sub, one.email, one.name, one.locale) for one in made]
        tokens = [self.grant(one.email, client_id, scopes) for one in made]
        return [
            NewAccount(**given, email=one.email, name=one.name, locale=one.locale)
            for one, given in zip(made, tokens, strict=True)
        ]

    @admin_route("DELETE", "accounts/{email}")
    def delete_account(self, email: str) -> None:
        """Delete an account; its refresh tokens answer `Account has been deleted`.

        Raises:
            LookupError: if there is no such account.
        """
        account = self.account(email)
        account.deleted = True
        self.state.grants.expire_access([account.sub])

    @admin_route("GET", "accounts/{email}/settings")
    def settings(self, email: str) -> dict[str, str]:
        """Return the Calendar settings of an account, such as `timezone` and `weekStart`.

        Raises:
            LookupError: if there is no such account.
        """
        return settings_of(self.state, self.account(email))

    @admin_route("POST", "accounts/{email}/settings")
    def set_settings(self, email: str, **values: str) -> dict[str, str]:
        """Set Calendar settings of an account (`timezone`, `weekStart`, …) and return all of them.

        The time zone is also given to the primary calendar, as Calendar's settings page does.

        Raises:
            LookupError: if there is no such account.
            ValueError: if there is no such setting, or it cannot have this value.
        """
        return change_settings(self.state, self.account(email), values)

    @admin_route("POST", "clients")
    def add_client(
        self,
        client_id: str,
        client_secret: str,
        redirect_uris: Strings = (),
        origins: Strings = (),
        project: str = "demo",
        testing: bool = False,
        testers: Strings = (),
        client_type: ClientType | None = None,
    ) -> Client:
        """Register an OAuth client and set the publishing status of its project.

        Args:
            client_id: replaces a client that has this id.
            client_secret: what it authenticates with.
            redirect_uris: compared letter by letter. Desktop clients may use any port and path of
                `localhost`, `127.0.0.1` and `[::1]`.
            origins: the authorised JavaScript origins.
            project: the Cloud project it belongs to; consent is given to the project.
            testing: puts the project into Testing mode: refresh tokens last seven days.
            testers: the only accounts that may consent while it is in Testing; all may if none are named.
            client_type: `web`, `desktop` or `tv`, to be as strict as Google is with this type. If left
                open, a bare `http://localhost` among the redirect URIs makes it a desktop client too, and it
                may use the device flow.

        Raises:
            ValueError: if there is no such client type.
        """
        if client_type is not None and client_type not in get_args(ClientType):
            raise ValueError(f"client_type must be one of {', '.join(get_args(ClientType))}")
        known = self.state.projects.setdefault(project, Project(project))
        known.testing = testing
        known.testers = [email.lower() for email in strings(testers)]
        client = Client(
            client_id,
            client_secret,
            project,
            strings(redirect_uris),
            [origin.rstrip("/") for origin in strings(origins)],
            client_type=client_type,
        )
        self.state.clients[client_id] = client
        return client

    @admin_route("DELETE", "clients/{client_id}")
    def delete_client(self, client_id: str) -> None:
        """Delete a client as Google deletes unused ones: `deleted_client` from now on.

        Raises:
            LookupError: if there is none.
        """
        self._client(client_id).deleted = True

    @admin_route("POST", "service-accounts")
    def add_service_account(self, project: str = "demo") -> dict[str, str]:
        """Create a service account that may manage a project's security event stream; return its key file."""
        private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        public = private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        pem = private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        address = f"risc-{len(self.state.streams.managers)}@{project}.iam.gserviceaccount.com"
        self.state.streams.managers[address] = ServiceAccount(address, project, public.decode())
        return {
            "type": "service_account",
            "project_id": project,
            "private_key_id": hashlib.sha256(public).hexdigest()[:40],
            "private_key": pem.decode(),
            "client_email": address,
            "client_id": stable_sub(self.state.seed, address),
            "token_uri": f"{self.state.base_url}/token",
        }
