"""What is known of networks that train against each other, and of latent variables."""
