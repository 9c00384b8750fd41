"""From a recipe to a labelled dataset on disk."""
