"""What a person at the terminal is told: one clear line, never a stack trace."""


class DevstackError(Exception):
    """Something the person can fix; its message is the whole explanation."""


class StartFailed(DevstackError):
    """A server or service did not become healthy."""


class PortBusy(DevstackError):
    """Somebody else listens where one of our servers should."""


class AlreadyRunning(DevstackError):
    """Another supervisor holds the state folder."""
