"""Training of the built-in networks, with torch (the extra ``train``)."""
