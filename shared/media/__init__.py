"""Everything that looks at pixels and samples without a model: PyAV, numpy and Pillow only."""
