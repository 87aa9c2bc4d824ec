"""Every `code` that an error of the HTTP API can carry: which kind of error it is, and what a client does.

`docs/api.md` shows the same table. Tests compare both, and look for codes in the source that are missing.
"""

from dataclasses import dataclass

from catflap.errors import (
    BadRequest,
    CatflapError,
    OperatorMustAct,
    Tampered,
    TryAgain,
    UserMustAct,
    http_status,
)


@dataclass(frozen=True)
class ErrorCode:
    """One code. `kind` says who must act; `remedy` what a client does, in a sentence."""

    code: str
    kind: type[CatflapError]
    remedy: str

    @property
    def status(self) -> int:
        """HTTP status of the code."""
        return http_status(self.kind(self.code, ""))


_CODES = (
    (BadRequest, "ambiguous_credentials", "Send the session cookie or an Authorization header, not both."),
    (
        BadRequest,
        "code_rejected",
        "Get a new one-time code from Google; a code works once, for some minutes.",
    ),
    (BadRequest, "format_unavailable", "Ask for WAV at 16000 Hz, or have the operator install `formats`."),
    (BadRequest, "id_token_missing", "Ask Google for the scope `openid` too, then send the new code."),
    (BadRequest, "invalid_request", "Correct the request; `detail` names the place."),
    (BadRequest, "event_invalid", "Correct the event; `detail` names the field, or Google's reason."),
    (BadRequest, "nothing_to_say", "Send a text that has something to pronounce."),
    (BadRequest, "preferences_invalid", "Send one of the values that `detail` names."),
    (
        BadRequest,
        "redirect_uri_mismatch",
        "Send the redirect URI, or the `client`, that the code was issued for.",
    ),
    (BadRequest, "readings_invalid", "Correct the word or the reading; `detail` says what it may have."),
    (BadRequest, "reminders_invalid", "Send at most five reminders of 0 to 40320 minutes."),
    (BadRequest, "return_to_unknown", "Have the operator register the address in `CATFLAP_RETURN_URLS`."),
    (BadRequest, "right_unknown", "Send rights that `detail` names."),
    (BadRequest, "unknown_dialect", "Choose a dialect of `GET /v1/dialects`."),
    (BadRequest, "zone_unknown", "Send the name of an IANA time zone, such as `Europe/Berlin`."),
    (Tampered, "id_token_invalid", "Get a new ID token from Google, for this client id and with the nonce."),
    (Tampered, "security_event_invalid", "Nothing: only Google can send a valid security event token."),
    (
        Tampered,
        "state_invalid",
        "Start again; the request was completed already or belongs to another state.",
    ),
    (
        BadRequest,
        "unauthenticated",
        "Authenticate, or get a new credential; this one is missing or not valid.",
    ),
    (BadRequest, "call_not_allowed", "Call something on the operator's list (`CATFLAP_PROXY_ALLOW`)."),
    (BadRequest, "csrf", "Reload the page, and send `csrf_token` of `GET /v1/me` as X-CSRF-Token."),
    (BadRequest, "forbidden", "Use a credential that may do this; `detail` tells what this one lacks."),
    (BadRequest, "key_narrower_than_grant", "Have the call made by the proxy; a token would open too much."),
    (BadRequest, "not_allowed", "Nothing: the operator or Google does not let this account sign in."),
    (
        BadRequest,
        "origin_not_allowed",
        "Have the operator add the page's origin to `CATFLAP_ALLOWED_ORIGINS`.",
    ),
    (BadRequest, "operators_only", "Sign in with an address that `CATFLAP_OPERATORS` lists."),
    (BadRequest, "write_forbidden", "Write to a calendar, or to an event, that is the user's own."),
    (UserMustAct, "scope_missing", "Send the user through the consent that `consent` describes."),
    (BadRequest, "not_found", "Check the id; when `consent` is there, the user has to consent first."),
    (BadRequest, "mqtt_off", "Fetch the schedule over HTTPS; there is no MQTT broker for this device."),
    (
        BadRequest,
        "desktop_client_missing",
        "Have the operator add an OAuth client of type “Desktop app” (`docs/google.md`).",
    ),
    (
        BadRequest,
        "home_assistant_off",
        "Nothing: the operator has to set `CATFLAP_HOME_ASSISTANT_URL` and its token.",
    ),
    (BadRequest, "speaker_unknown", "Choose a speaker of `GET /v1/speakers`, and an entity that is there."),
    (BadRequest, "event_not_found", "Check calendar and id; the account has no such calendar or event."),
    (BadRequest, "method_not_allowed", "Use a method that the reference has for this path."),
    (BadRequest, "account_mismatch", "Have the user choose the Google account that was asked for."),
    (BadRequest, "signin_by_command", "Sign in with `catflap signin` on a computer; `detail` has its line."),
    (BadRequest, "already_paired", "Reset the device, so that it makes a new token, and pair it again."),
    (BadRequest, "event_exists", "Choose another id; another event has this one."),
    (BadRequest, "speaker_exists", "Nothing; this speaker is a device of the user already."),
    (UserMustAct, "access_denied", "Ask the user again; they said no, or Google does not allow this app."),
    (UserMustAct, "admin_policy", "Nothing: the user's organisation does not allow this app."),
    (UserMustAct, "consent_needed", "Send the user to `consent_url`; Google has to ask once more."),
    (
        UserMustAct,
        "google_account_refused",
        "Have the user look at their Google account, or ask its administrator.",
    ),
    (UserMustAct, "org_internal", "Have the user choose an account of the organisation that runs the app."),
    (UserMustAct, "reconsent_required", "Send the user through the consent that `consent` describes."),
    (UserMustAct, "signin_failed", "Start the sign-in again."),
    (BadRequest, "expired", "Get a new one: a code, a link or the current schedule."),
    (BadRequest, "event_deleted", "Nothing, or insert it again with a new id."),
    (BadRequest, "etag_mismatch", "Read the event at Google again, and decide anew."),
    (BadRequest, "too_large", "Send less."),
    (BadRequest, "too_many", "Remove what `detail` names first: a device, a member or invitations."),
    (TryAgain, "rate_limited", "Wait the seconds of Retry-After."),
    (OperatorMustAct, "discovery_invalid", "Tell the operator; `CATFLAP_GOOGLE_DISCOVERY_URL` is wrong."),
    (
        OperatorMustAct,
        "google_client_rejected",
        "Tell the operator; Google does not accept the OAuth client.",
    ),
    (OperatorMustAct, "google_api_disabled", "Tell the operator; the Google Calendar API is not enabled."),
    (OperatorMustAct, "google_project_refused", "Tell the operator; Google refuses the Cloud project."),
    (OperatorMustAct, "extra_missing", "Tell the operator; `detail` names what to install."),
    (OperatorMustAct, "internal_error", "Report it; the operator's log has the place."),
    (OperatorMustAct, "not_started", "Tell the operator; the application lacks Catflap's lifespan."),
    (Tampered, "seal_broken", "Tell the operator; a stored value was changed or moved."),
    (BadRequest, "redirect_refused", "Call the address that Google redirects to, if it is allowed."),
    (
        OperatorMustAct,
        "home_assistant_refused",
        "Tell the operator; Home Assistant's log says what is wrong.",
    ),
    (
        OperatorMustAct,
        "home_assistant_certificate_invalid",
        "Tell the operator; Home Assistant's certificate is not valid.",
    ),
    (
        OperatorMustAct,
        "home_assistant_token_refused",
        "Tell the operator; Home Assistant wants another `CATFLAP_HOME_ASSISTANT_TOKEN`.",
    ),
    (TryAgain, "home_assistant_unavailable", "Try again; Home Assistant does not answer."),
    (OperatorMustAct, "no_voice", "Tell the operator; `detail` says what to install for the language."),
    (TryAgain, "voice_unavailable", "Try again in a moment; the voice did not answer."),
    (TryAgain, "database_unavailable", "Wait the seconds of Retry-After; nothing was lost."),
    (TryAgain, "access_token_refused", "Try again; if it stays, have the user consent again."),
    (TryAgain, "google_budget_used", "Wait the seconds of Retry-After; too many requests to Google now."),
    (TryAgain, "google_quota_exceeded", "Wait the seconds of Retry-After; Google's quota is used up."),
    (TryAgain, "google_rate_limited", "Wait the seconds of Retry-After; Google asks for a pause."),
    (TryAgain, "google_unavailable", "Wait the seconds of Retry-After, or some, and try again."),
    (
        TryAgain,
        "jwt_issuer_unavailable",
        "Wait the seconds of Retry-After; the app's issuer does not answer.",
    ),
    (TryAgain, "draining", "Ask another process; this one is about to end."),
    (
        OperatorMustAct,
        "database_not_migrated",
        "Tell the operator; `catflap migrate` is due.",
    ),
    (OperatorMustAct, "keyset_lacks_key", "Tell the operator; it works again with the right keyset."),
)
ERROR_CODES = {code: ErrorCode(code, kind, remedy) for kind, code, remedy in _CODES}
