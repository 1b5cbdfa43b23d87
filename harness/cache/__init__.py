"""What is kept between runs, by the content that it was made from: docs/architecture.md."""
