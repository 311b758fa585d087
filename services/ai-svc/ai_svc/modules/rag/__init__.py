"""Questions, and answers that cite the passages they stand on exactly."""
