"""The studio's tabs: one `build(services)` a file, and the parts they are made of."""
