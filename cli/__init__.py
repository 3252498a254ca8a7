"""The command `hop`. No other package imports it."""
