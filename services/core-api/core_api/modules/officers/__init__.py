"""Who answers for personal data: the controller's profile, the encarregado, the public notice."""
