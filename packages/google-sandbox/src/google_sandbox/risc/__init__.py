"""Cross-Account Protection (RISC): streams and signed security events."""
