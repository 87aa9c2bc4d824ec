"""Things that speak: paired by a code, told their schedule, trusted to keep time themselves."""
