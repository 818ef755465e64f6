"""The embedded review server: Argilla with a search engine that reads the server's own SQL database.

`corpusgen review up` starts `corpusgen_argilla.serve` and `corpusgen_argilla.worker` in an environment of their own.
"""

ENGINE = "sql"
"""The name under which the engine is registered, and the value of ARGILLA_SEARCH_ENGINE."""
