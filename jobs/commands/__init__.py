"""The commands of `connector`, a noun a file."""
