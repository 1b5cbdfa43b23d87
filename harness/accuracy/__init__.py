"""The accuracy loop: a search of the analog layers under a bound on accuracy."""
