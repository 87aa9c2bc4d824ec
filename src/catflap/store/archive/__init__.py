"""Backups: all rows of both schemas in one file, which needs no program of PostgreSQL and fits any server."""
