"""Kinds of findings about settings, the OAuth client at Google, and files."""

from catflap.checks.finding import Exit, Kind

_CONSOLE = "At console.cloud.google.com, under Google Auth Platform, Clients,"

SETUP = (
    # Settings
    Kind(
        "settings_invalid", "Settings", "problem",
        "A setting is not valid: {reason}",
        "Correct it; docs/settings.md describes each setting.",
    ),
    Kind(
        "extra_missing", "Settings", "problem",
        "The settings ask for something that is not installed.",
        "{reason}",
    ),
    Kind(
        "trusted_proxies_missing", "Settings", "warning",
        "{origin} is answered by a proxy, and CATFLAP_TRUSTED_PROXIES is not set: all clients count as one "
        "address, and share its limits.",
        "Set CATFLAP_TRUSTED_PROXIES to the address from which the proxy calls Catflap.",
    ),
    Kind(
        "push_off", "Settings", "note",
        "Google can't send push notifications here, so calendars are asked every {seconds} seconds.",
        "Put Catflap behind https and set CATFLAP_PUBLIC_URL, if changes shall be known within seconds.",
    ),
    Kind(
        "port_taken", "Settings", "problem",
        "Port {port} on {host} is used by another program.",
        "End that program, or choose another port with CATFLAP_PORT or `catflap serve --port`.",
    ),
    Kind(
        "address_unusable", "Settings", "problem",
        "Catflap can't listen on {host}, port {port}: {reason}.",
        "Set CATFLAP_HOST to an address of this machine, and CATFLAP_PORT above 1023 unless it runs as root.",
    ),
    # Google
    Kind(
        "google_client_missing", "Google", "problem",
        "There is no Google OAuth client.",
        f"{_CONSOLE} make one of type 'Web application' (for `catflap signin` 'Desktop app'; docs/google.md "
        "has every step), and put its client_secret_*.json into the data directory, or set GOOGLE_CLIENT_ID "
        "and GOOGLE_CLIENT_SECRET.",
    ),
    Kind(
        "google_client_secret_missing", "Google", "problem",
        "GOOGLE_CLIENT_ID is set, and GOOGLE_CLIENT_SECRET is not.",
        f"Set it. Google shows a client secret once, when it is made. If it is lost: {_CONSOLE} add "
        "another to the client.",
    ),
    Kind(
        "google_client_unreadable", "Google", "problem",
        "The file of the OAuth client can't be used: {reason}",
        "Download the file of the client again at the Google Cloud console, under Clients.",
    ),
    Kind(
        "redirect_uri_unregistered", "Google", "problem",
        "{file} does not have the redirect URI {uri}, so Google answers redirect_uri_mismatch.",
        f"{_CONSOLE} add it to the client's authorised redirect URIs, and download the file again.",
    ),
    Kind(
        "origin_unregistered", "Google", "warning",
        "{file} does not have the JavaScript origin {origin}, which sign-in in a popup needs.",
        f"{_CONSOLE} add it to the client's authorised JavaScript origins, and download the file again.",
    ),
    Kind(
        "redirect_uri_not_https", "Google", "problem",
        "Google refuses the redirect URI {uri}: it must be https, except on this machine itself.",
        "Put Catflap behind https (docs/proxy.md) and set CATFLAP_PUBLIC_URL, or sign in with `catflap "
        "signin` and a client of type 'Desktop app' (docs/google.md).",
    ),
    Kind(
        "redirect_uri_raw_address", "Google", "problem",
        "Google refuses the redirect URI {uri}: its host is a number, not a name.",
        "Give this machine a name of a public domain and set CATFLAP_PUBLIC_URL, or sign in with "
        "`catflap signin` and a client of type 'Desktop app' (docs/google.md).",
    ),
    Kind(
        "redirect_uri_private_name", "Google", "problem",
        "Google refuses the redirect URI {uri}: its name ends in none of the public top-level domains.",
        "Use a name of a public domain in CATFLAP_PUBLIC_URL; it may lead to a private address.",
    ),
    Kind(
        "redirect_uri_elsewhere", "Google", "warning",
        "Google sends browsers to {uri}, but Catflap's public address is {origin}: a sign-in begun there "
        "loses its cookie.",
        "Set CATFLAP_PUBLIC_URL to the address that browsers use, and register the redirect URI under it.",
    ),
    Kind(
        "google_unavailable", "Google", "problem",
        "Google does not answer.",
        "Check this machine's network and name server, and CATFLAP_GOOGLE_DISCOVERY_URL if it is set.",
        Exit.AWAY,
    ),
    Kind(
        "discovery_invalid", "Google", "problem",
        "What answers at {url} is not Google's discovery document.",
        "Unset CATFLAP_GOOGLE_DISCOVERY_URL, unless it is a local Google's.",
    ),
    Kind(
        "google_client_rejected", "Google", "problem",
        "Google rejects the OAuth client ({error}): its id or its secret is wrong.",
        f"{_CONSOLE} compare both. Google shows a client secret once, when it is made; if it is lost, add "
        "another to the client.",
    ),
    Kind(
        "google_client_deleted", "Google", "problem",
        "The OAuth client was deleted at Google: by somebody, or because it was not used for six months.",
        f"{_CONSOLE} restore it (for 30 days after it was deleted). With a new client, everybody must "
        "consent again.",
    ),
    Kind(
        "google_desktop_client_rejected", "Google", "warning",
        "Google rejects the desktop client ({error}), so `catflap signin` does not work; all else does.",
        f"{_CONSOLE} make another of type 'Desktop app' (Google deletes clients that were not used for six "
        "months), or unset CATFLAP_GOOGLE_DESKTOP_CLIENT_ID.",
    ),
    Kind(
        "google_client_idle", "Google", "note",
        "This OAuth client was last used {days} days ago; Google deletes clients that were not used for six "
        "months.",
        "Refresh a token or sign in. A deleted client can be restored for 30 days.",
    ),
    Kind(
        "google_api_disabled", "Google", "problem",
        "The Google Calendar API is not enabled in the Cloud project: {count} accounts and calendars "
        "can't be read.",
        "Enable it at console.cloud.google.com/apis/library/calendar-json.googleapis.com; calendars are "
        "then read again by themselves.",
    ),
    Kind(
        "google_project_refused", "Google", "problem",
        "Google refuses the Cloud project of the OAuth client: {count} accounts and calendars can't be read.",
        "Look at the project's state, billing and organisation policies at console.cloud.google.com.",
    ),
    Kind(
        "google_testing_mode", "Google", "warning",
        "The Google project seems to be in Testing: {count} grants end or have ended seven days after the "
        "consent.",
        "At console.cloud.google.com, under Google Auth Platform, Audience, press 'Publish app'; up to 100 "
        "users need no verification. Who had consented before must consent once more.",
    ),
    Kind(
        "clock_wrong", "Google", "problem",
        "This machine's clock is {seconds} seconds {direction} Google's, so sign-ins fail and announcements "
        "come at the wrong time.",
        "Let the system set its clock: `timedatectl set-ntp true`.",
    ),
    Kind(
        "clock_drifts", "Google", "warning",
        "This machine's clock is {seconds} seconds {direction} Google's, and so are announcements.",
        "Let the system set its clock: `timedatectl set-ntp true`.",
    ),
    # Files
    Kind(
        "data_dir_unwritable", "Files", "problem",
        "The data directory {path} can't be written to ({reason}).",
        "Give it to the user who runs Catflap, or choose another with CATFLAP_DATA_DIR.",
    ),
    Kind(
        "data_dir_open", "Files", "warning",
        "{path} can be {access} by other users of this machine.",
        "Run: chmod go-rw {path}",
    ),
    Kind(
        "secret_readable_by_others", "Files", "problem",
        "{path} is a secret, and its mode lets other users of this machine read it.",
        "Run: chmod 600 {path}. If somebody may have read the keyset, also run `catflap keys rotate`.",
    ),
    Kind(
        "disk_nearly_full", "Files", "warning",
        "{free} MB are free on the disk of {path}.",
        "Make room: a full disk stops the database.",
    ),
)  # fmt: skip
