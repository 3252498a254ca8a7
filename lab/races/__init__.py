"""Known faults of link shorteners, reproduced on real servers, each with its remedy."""
