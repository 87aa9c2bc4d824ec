"""Channels by which announcements reach devices that do not fetch their schedule: MQTT and Home Assistant."""
