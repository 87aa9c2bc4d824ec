"""Devices that play announcements: pairing, schedules and signed sound URLs."""
