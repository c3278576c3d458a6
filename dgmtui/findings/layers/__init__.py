"""What is known of layers: activation functions and their units, gradients on their way back, what feeds what."""
