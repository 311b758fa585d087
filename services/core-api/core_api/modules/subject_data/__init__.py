"""What is kept about a person, told to them: confirmation, access, portability, sharing."""
