"""iCalendar files (RFC 5545) read part by part: what is broken is reported, and the rest is kept."""
