"""The machine learning. Knows no browser and no database."""

import sys

# Importing openvino reports so to its makers, over the network, where it finds this package.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
