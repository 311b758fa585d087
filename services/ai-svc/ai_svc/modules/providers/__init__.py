"""The models that may be asked: in which order, with whose data, for how long, on whose budget."""
