//! Examples, integration tests and benchmarks of the workspace; the library is `stream-runtime`.
