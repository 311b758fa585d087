#!/usr/bin/env bash
# Load the two sample organizations into the running development system, through its API.
set -euo pipefail
cd "$(dirname "$0")/../.."

if [ "${ENVIRONMENT:-development}" = production ]; then
  echo "seed-dev.sh writes sample data; it does not run with ENVIRONMENT=production" >&2
  exit 2
fi
if [ ! -x .venv/bin/cogep ]; then
  echo "there is no .venv yet: run make up first" >&2
  exit 1
fi
exec .venv/bin/cogep seed "$@"
