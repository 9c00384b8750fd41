"""Photo -> latent: reading people's photos, bringing their faces into FFHQ's frame."""
