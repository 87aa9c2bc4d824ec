"""Recurring events (RFC 5545): rules, their expansion, exceptions and occurrences."""
