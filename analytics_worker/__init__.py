"""Click events become counts: the consumer of the click stream."""
