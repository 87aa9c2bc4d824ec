"""HTTP: the page, the API, and what keeps both safe."""
