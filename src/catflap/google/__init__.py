"""Clients of Google's endpoints, without storage or policy."""
