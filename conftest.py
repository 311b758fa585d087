"""What every test of the repository may ask for: real servers, a database of its own, tokens."""

pytest_plugins = ["devstack.testing"]
