"""A week of a few users in simulated time: calendars change at random while Google fails at random."""
