"""Named expressions in steps: the dense network, its update rules and scalings, and its names."""
