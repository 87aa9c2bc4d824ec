"""HTTP interface: API routes, the web page, authentication and security headers."""
