"""What can be done with links: shorten, edit, delete; aliases, targets, sources of codes."""
