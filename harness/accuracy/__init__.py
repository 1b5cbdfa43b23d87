"""The accuracy loop: which layers may be analog, found under a bound on accuracy."""
