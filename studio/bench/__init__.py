"""The benchmarks that know annotations; those of networks alone are in core/bench."""
