"""What is printed: documents are lists of blocks (`documents`), set on A4 or on an 80 mm roll (`printing`)."""
