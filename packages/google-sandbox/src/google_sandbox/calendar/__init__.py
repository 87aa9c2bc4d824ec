"""Calendar v3: calendars, events, recurrence, synchronisation and push."""
