"""One action on many tickets, with a result for each."""
