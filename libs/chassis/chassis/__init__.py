"""What every service needs to run. No module here knows a service."""
