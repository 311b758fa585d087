"""The assistant's skills for other assistants, by the Model Context Protocol."""
