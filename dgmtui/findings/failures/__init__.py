"""What to say of values that are not finite and of exceptions."""
