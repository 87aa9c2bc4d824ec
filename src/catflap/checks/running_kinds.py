"""Kinds of findings about the database, the vault, background jobs, voices, devices and the doctor itself."""

from catflap.checks.finding import Exit, Kind

RUNNING = (
    # Database
    Kind(
        "database_missing", "Database", "note",
        "There is no database in {path} yet.",
        "`catflap serve` makes it. CATFLAP_DATA_DIR or CATFLAP_DATABASE_URL name another one.",
    ),
    Kind(
        "database_url_missing", "Database", "problem",
        "CATFLAP_DATABASE_URL is set without CATFLAP_VAULT_DATABASE_URL.",
        "Set both: the same database, with the role of the app and with that of the vault.",
    ),
    Kind(
        "database_url_invalid", "Database", "problem",
        "The address of the database is none.",
        "It must look like postgresql://user:password@host:5432/database.",
    ),
    Kind(
        "database_unreachable", "Database", "problem",
        "{reason}",
        "Start it, and check host and port in CATFLAP_DATABASE_URL.",
        Exit.AWAY,
    ),
    Kind(
        "database_refused", "Database", "problem",
        "PostgreSQL refuses Catflap: {reason}",
        "Compare user, password and database of CATFLAP_DATABASE_URL and CATFLAP_VAULT_DATABASE_URL with "
        "those that `catflap migrate` made.",
    ),
    Kind(
        "database_full", "Database", "problem",
        "PostgreSQL has no free connection for Catflap.",
        "Raise its max_connections, or lower CATFLAP_DATABASE_POOL of each process.",
        Exit.AWAY,
    ),
    Kind(
        "database_not_migrated", "Database", "problem",
        "The database is of an older version, or is not prepared: {reason}",
        "End all processes, run `catflap migrate` (embedded: start `catflap serve`), and start again.",
    ),
    Kind(
        "database_newer", "Database", "problem",
        "The database was brought up to date by a newer Catflap: {reason}",
        "Install the newer Catflap again, or restore a backup from before the upgrade; docs/backup.md tells "
        "how.",
    ),
    Kind(
        "postgres_upgrade_needed", "Database", "problem",
        "The embedded PostgreSQL is of an older major version: {reason}",
        "Make sure that there is room on the disk for a copy, and start `catflap serve`.",
    ),
    Kind(
        "postgres_version_unsupported", "Database", "problem",
        "The embedded PostgreSQL is of a version that this Catflap has not: {reason}",
        "Install the Catflap that made it; docs/backup.md tells how to go on from there.",
    ),
    Kind(
        "postgres_failed", "Database", "problem",
        "The embedded PostgreSQL does not start: {reason}",
        "Read its log; most often the disk is full, or the directory belongs to another user.",
    ),
    Kind(
        "data_dir_of_another_user", "Database", "problem",
        "The embedded database can't be looked at: {reason}",
        "Run `catflap doctor` as that user, such as: sudo -u USER catflap doctor",
    ),
    Kind(
        "data_dir_of_another_container", "Database", "problem",
        "The embedded database can't be looked at: {reason}",
        "Run `catflap doctor` in that container: docker compose exec catflap catflap doctor",
    ),
    Kind(
        "postgres_too_old", "Database", "problem",
        "The PostgreSQL server is of version {version}.",
        "Use {minimum} or newer.",
    ),
    Kind(
        "database_clock_wrong", "Database", "warning",
        "The clock of the database is {seconds} seconds {direction} this machine's, so jobs run at the wrong "
        "time.",
        "Let both systems set their clocks (NTP).",
    ),
    # Vault
    Kind(
        "keyset_missing", "Vault", "problem",
        "The keyset that opens the stored tokens is missing.",
        "{reason}",
    ),
    Kind(
        "keyset_unreadable", "Vault", "problem",
        "The keyset can't be used.",
        "{reason}",
    ),
    Kind(
        "keyset_lacks_key", "Vault", "problem",
        "The keyset does not open stored tokens: it is another database's, or an old copy (keys {keys}).",
        "Restore the keyset that belongs to this database from your backup; docs/vault.md tells what else "
        "can be done.",
    ),
    Kind(
        "grants_need_consent", "Vault", "warning",
        "{count} grants have ended at Google and wait for a new consent.",
        "Their users sign in again on the page. If all end after a week, the Google project is in Testing.",
    ),
    Kind(
        "grants_idle", "Vault", "note",
        "{count} grants were not used for five months; Google ends a refresh token after six.",
        "Nothing, if nobody misses them; any use keeps them alive.",
    ),
    Kind(
        "webhook_failing", "Vault", "warning",
        "The webhook {id} to {host} does not take its messages ({failure}); {pending} wait.",
        "Look at the log of the receiver; `catflap webhooks list` tells more.",
    ),
    # Background jobs
    Kind(
        "nothing_running", "Jobs", "warning",
        "No process of Catflap is connected to the database; {waiting} jobs wait.",
        "Start `catflap serve`.",
    ),
    Kind(
        "jobs_wait", "Jobs", "problem",
        "{waiting} jobs wait, the first for {seconds} seconds: no process works on them, or too few.",
        "Start `catflap work`, or `catflap serve` without --no-worker; look for job_failed in the log.",
    ),
    Kind(
        "calendars_failing", "Jobs", "warning",
        "{count} accounts and calendars can't be read ({code}).",
        "{remedy}",
    ),
    # Voices
    Kind(
        "calendars_not_read", "Voices", "note",
        "No speech engine is installed, so calendars are not read and there is no page.",
        "Install a voice: {install}. Or set CATFLAP_CALENDARS.",
    ),
    Kind(
        "voice_missing", "Voices", "warning",
        "There is no voice for {language}: what is announced in it has no sound.",
        "Install it: {install}",
    ),
    Kind(
        "voice_choice_missing", "Voices", "warning",
        "{count} users have chosen the voice {engine}, which is not installed.",
        "Install it (docs/voices.md), or let them choose another; until then the best that is there speaks.",
    ),
    Kind(
        "flite_missing", "Voices", "note",
        "The program flite is not installed; it is understood better than eSpeak in English.",
        "apt install flite",
    ),
    Kind(
        "speech_server_unreachable", "Voices", "warning",
        "The speech server {host} does not answer; the engines of this machine speak instead.",
        "Start it, or correct {setting}.",
    ),
    # Devices
    Kind(
        "mqtt_unavailable", "Devices", "problem",
        "The MQTT broker {host}, port {port}, does not answer.",
        "Start it, and check CATFLAP_MQTT_URL.",
        Exit.AWAY,
    ),
    Kind(
        "mqtt_refused", "Devices", "problem",
        "The MQTT broker refuses the user name or the password of CATFLAP_MQTT_URL.",
        "Correct them; for Mosquitto, `catflap device mosquitto` writes a file of passwords. Restart the "
        "broker afterwards.",
    ),
    Kind(
        "mqtt_login_not_tried", "Devices", "note",
        "The MQTT broker listens. Its login was not tried, since that would cut off the Catflap that runs.",
        "If devices stay silent, look for mqtt_failed in the log, or end Catflap and run this again.",
    ),
    Kind(
        "mqtt_certificate_invalid", "Devices", "problem",
        "The certificate of the MQTT broker is not valid: {reason}",
        "Renew it, or set CATFLAP_MQTT_CA_FILE to the certificate of the authority that signed it.",
    ),
    Kind(
        "mqtt_ca_unreadable", "Devices", "problem",
        "CATFLAP_MQTT_CA_FILE can't be read, or holds no certificate.",
        "Name a file in PEM format that this user may read.",
    ),
    Kind(
        "home_assistant_unavailable", "Devices", "problem",
        "Home Assistant does not answer: {reason}",
        "Start it, and check CATFLAP_HOME_ASSISTANT_URL.",
        Exit.AWAY,
    ),
    Kind(
        "home_assistant_token_refused", "Devices", "problem",
        "Home Assistant refuses the token.",
        "Make a long-lived access token at a user's profile there, and set CATFLAP_HOME_ASSISTANT_TOKEN.",
    ),
    Kind(
        "home_assistant_refused", "Devices", "problem",
        "Home Assistant refuses the request: {reason}",
        "Check that CATFLAP_HOME_ASSISTANT_URL is the base address of Home Assistant.",
    ),
    Kind(
        "home_assistant_certificate_invalid", "Devices", "problem",
        "The certificate of Home Assistant is not valid: {reason}",
        "Renew it, or set CATFLAP_HOME_ASSISTANT_CA_FILE to that of the authority that signed it.",
    ),
    Kind(
        "home_assistant_ca_unreadable", "Devices", "problem",
        "CATFLAP_HOME_ASSISTANT_CA_FILE can't be read, or holds no certificate.",
        "Name a file in PEM format that this user may read.",
    ),
    Kind(
        "sounds_out_of_reach", "Devices", "problem",
        "The speakers of Home Assistant fetch sounds from {origin}, which is this machine's own address.",
        "Set CATFLAP_PUBLIC_URL to an address by which they reach Catflap.",
    ),
    # The doctor itself
    Kind(
        "check_failed", "Doctor", "problem",
        "The check '{check}' failed: {reason}",
        "This is a fault of `catflap doctor`; please report it with this line.",
        Exit.INTERNAL,
    ),
    Kind(
        "check_timed_out", "Doctor", "problem",
        "The check '{check}' had no answer within {seconds} seconds.",
        "Run `catflap doctor` again; if it stays, what that check asks does not answer.",
        Exit.AWAY,
    ),
)  # fmt: skip
