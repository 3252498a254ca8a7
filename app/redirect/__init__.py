"""From a code to its target: hot path, view, look-up, the limit on guesses, explanation."""
