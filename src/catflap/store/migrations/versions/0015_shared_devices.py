"""Members of devices, their invitations, and the quiet hours of a device."""

from alembic import context, op

revision = "0015"
down_revision = "0014"

_STATEMENTS = (
    """CREATE TABLE app.device_members (
        device_id BIGINT NOT NULL REFERENCES app.devices (id) ON DELETE CASCADE,
        user_id BIGINT NOT NULL REFERENCES app.users (id) ON DELETE CASCADE,
        says_name BOOLEAN NOT NULL,
        says_titles BOOLEAN NOT NULL,
        joined_at TIMESTAMP WITH TIME ZONE NOT NULL,
        PRIMARY KEY (device_id, user_id)
    )""",
    "CREATE INDEX device_members_user ON app.device_members (user_id, device_id)",
    """CREATE TABLE app.device_invitations (
        code_hash BYTEA PRIMARY KEY,
        device_id BIGINT NOT NULL REFERENCES app.devices (id) ON DELETE CASCADE,
        expires_at TIMESTAMP WITH TIME ZONE NOT NULL
    )""",
    "CREATE INDEX device_invitations_device ON app.device_invitations (device_id)",
    "CREATE INDEX device_invitations_expires_at ON app.device_invitations (expires_at)",
    "ALTER TABLE app.devices ADD COLUMN quiet_from TIME",
    "ALTER TABLE app.devices ADD COLUMN quiet_until TIME",
    "ALTER TABLE app.devices ADD COLUMN quiet_zone TEXT",
    'GRANT SELECT, INSERT, UPDATE, DELETE ON app.device_members, app.device_invitations TO "{app}"',
    # Two users may plan an announcement with the same key, such as the briefing of a day.
    "ALTER TABLE app.announcements DROP CONSTRAINT announcements_device_id_key_key",
    "ALTER TABLE app.announcements ADD UNIQUE (device_id, user_id, key)",
    # The owner of a device is its first member.
    """INSERT INTO app.device_members (device_id, user_id, says_name, says_titles, joined_at)
        SELECT id, user_id, false, true, created_at FROM app.devices""",
    """CREATE FUNCTION app.add_owner_as_member() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO app.device_members (device_id, user_id, says_name, says_titles, joined_at)
            VALUES (NEW.id, NEW.user_id, false, true, NEW.created_at);
            RETURN NULL;
        END
    $$""",
    """CREATE TRIGGER device_added AFTER INSERT ON app.devices
        FOR EACH ROW EXECUTE FUNCTION app.add_owner_as_member()""",
    # Also where the user is deleted: the device must forget what it has of them. Its owner goes with it.
    """CREATE FUNCTION app.notify_device_of_member() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            UPDATE app.devices SET schedule_version = schedule_version + 1
            WHERE id = OLD.device_id AND user_id <> OLD.user_id;
            IF FOUND THEN
                PERFORM pg_notify('catflap_changed', 'device:' || OLD.device_id);
            END IF;
            RETURN NULL;
        END
    $$""",
    """CREATE TRIGGER device_member_gone AFTER DELETE ON app.device_members
        FOR EACH ROW EXECUTE FUNCTION app.notify_device_of_member()""",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement.format(**context.config.attributes["roles"]))
