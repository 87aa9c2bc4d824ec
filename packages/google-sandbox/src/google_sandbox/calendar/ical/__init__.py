"""Tolerant reader of iCalendar files (RFC 5545): broken parts are reported, the rest is imported."""
