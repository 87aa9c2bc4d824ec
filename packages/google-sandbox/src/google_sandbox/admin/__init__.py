"""The methods of `Sandbox` by topic, and the HTTP admin API derived from them."""
