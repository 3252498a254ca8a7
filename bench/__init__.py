"""What hop costs, measured on this machine. `make bench` prints; nothing is asserted."""
