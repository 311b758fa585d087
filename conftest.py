"""What every test of the repository may ask for: real servers, a database of its own, tokens; and
what every test is held to: nothing personal in logs, telemetry or events."""

pytest_plugins = ["devstack.testing", "devstack.planted"]
