"""Results kept between runs, by the content that they are made from: docs/architecture.md."""
