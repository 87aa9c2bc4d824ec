"""Request and response bodies of the HTTP API as pydantic models, and what else its OpenAPI document says.

`base` has the two base classes, `problems` the error document (RFC 9457) and the responses that declare it,
`error_codes` the table of codes, `security` the ways to authenticate. The other modules hold one topic each;
a model has a class method that builds it from the value the routes get.
"""
