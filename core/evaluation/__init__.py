"""How good what is made is, in figures that others publish, too."""
