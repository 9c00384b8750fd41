"""The canvas painter: JavaScript modules, their style sheet, and what hangs them on a page."""
