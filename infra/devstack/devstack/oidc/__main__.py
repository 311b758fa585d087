"""`python -m devstack.oidc rotate-keys`: sign with the next key; a running provider notices."""

import os
import sys

from devstack.errors import DevstackError
from devstack.oidc.keys import SigningKeys
from devstack.oidc.settings import settings_from


def rotate_keys() -> str:
    """Rotate the keys in the state folder; return the id of the key that signs now."""
    settings = settings_from(os.environ)
    keys = SigningKeys(settings.state_dir, token_lifetime=settings.access_token_lifetime)
    return keys.rotate()


def main() -> int:
    """The command line."""
    if sys.argv[1:] != ["rotate-keys"]:
        print("usage: python -m devstack.oidc rotate-keys", file=sys.stderr)
        return 2
    try:
        print(f"signing with {rotate_keys()}")
    except DevstackError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
