"""The command `hop`: one small module for each command or two. Nothing imports it."""
