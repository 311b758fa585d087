"""What was answered: recorded, given again while nothing changed, judged, corrected, forgotten."""
