"""What people give us to show to people has to have something that can be seen."""


def legible(text: str) -> str:
    """As it is. Raises ValueError, in pt-BR, when nobody sees anything of it."""
    if not any(char.isprintable() and not char.isspace() for char in text):
        raise ValueError("O texto não tem nada que se possa ler.")
    return text
