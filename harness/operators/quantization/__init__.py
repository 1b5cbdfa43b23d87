"""What operators need to give their integer form."""
