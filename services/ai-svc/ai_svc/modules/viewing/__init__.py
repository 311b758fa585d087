"""Looking at a citation where it stands: the text around it, and the page it is on."""
