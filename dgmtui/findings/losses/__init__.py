"""What is known of the loss, of what it compares, and of the batches that it was computed for."""
