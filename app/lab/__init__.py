"""The page /lab/keys: compare ways to make codes, and reckon how long a code must be."""
