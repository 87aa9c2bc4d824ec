"""What Google's endpoints say; no storage, no policy."""
