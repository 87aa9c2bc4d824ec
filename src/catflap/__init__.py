"""Catflap: one yes to Google, and your app lets itself in to the calendar for years."""
