"""Questions, slips, verdicts and marks; and other people's matrices, compared."""
