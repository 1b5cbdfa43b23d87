"""What an integer operator hands to code generation."""
