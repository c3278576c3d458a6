"""What is known of parameters and of the steps that move them."""
