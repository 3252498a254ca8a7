"""Known faults of link shorteners, reproduced on real servers, each next to its remedy."""
