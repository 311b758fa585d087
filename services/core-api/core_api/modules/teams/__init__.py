"""Who works together, on how much, on what, and when: teams, skills, availability, absences."""
