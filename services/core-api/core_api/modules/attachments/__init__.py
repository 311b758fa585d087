"""Files of a ticket: told by their content, looked at for viruses, downloaded by signed links."""
