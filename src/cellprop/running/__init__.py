"""Numbers: the samples of a problem, training, one update and a whole run."""
