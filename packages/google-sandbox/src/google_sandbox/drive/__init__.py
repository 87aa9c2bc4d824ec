"""Drive v3, as far as an app's own data folder goes."""
