"""The tables of shared devices, in the schema `app`; `migrations/` creates them."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, LargeBinary, Table

from catflap.store.tables import metadata, time_column, user_column

# Whose announcements a device says, and how. A trigger adds the owner with the device, and gives the device a
# new version when a member is deleted.
device_members = Table(
    "device_members",
    metadata,
    Column("device_id", BigInteger, ForeignKey("app.devices.id", ondelete="CASCADE"), primary_key=True),
    user_column(primary_key=True),
    Column("says_name", Boolean, nullable=False),
    Column("says_titles", Boolean, nullable=False),
    time_column("joined_at"),
    Index("device_members_user", "user_id", "device_id"),
    schema="app",
)

# By which the owner of a device invites members, each once.
device_invitations = Table(
    "device_invitations",
    metadata,
    Column("code_hash", LargeBinary, primary_key=True),
    Column("device_id", BigInteger, ForeignKey("app.devices.id", ondelete="CASCADE"), nullable=False),
    time_column("expires_at"),
    Index("device_invitations_device", "device_id"),
    Index("device_invitations_expires_at", "expires_at"),
    schema="app",
)
