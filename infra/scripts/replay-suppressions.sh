#!/usr/bin/env bash
# Erase again whom a restored database has brought back, before anything serves. restore-db.sh calls it.
#
#   replay-suppressions.sh DATABASE
#
# Where: PGHOST, PGPORT, COGEP_APP_PASSWORD, COGEP_WORKER_PASSWORD. From core-api's environment: STORAGE_URL (the
# suppression ledger lies there, outside every backup of the database), LEDGER_SIGNING_KEY, FIELD_KEYS,
# FIELD_KEY_CURRENT, BLIND_INDEX_KEY; without STORAGE_URL those of the development stack of this checkout. PYTHON: one
# that has both services (default: this checkout's, else python3).
# Where each service has an image of its own, run the two commands below in them, the second one reading what
# the first one prints (`docker run -i --rm --log-driver none`: no log may keep it).
set -euo pipefail
umask 077

database="${1:?usage: replay-suppressions.sh DATABASE}"
: "${PGHOST:?}" "${COGEP_APP_PASSWORD:?}" "${COGEP_WORKER_PASSWORD:?}"
here="$(cd "$(dirname "$0")" && pwd)"
python="${PYTHON:-$here/../../.venv/bin/python}"
[ -x "$python" ] || python=python3
if [ -z "${STORAGE_URL:-}" ] && [ "${ENVIRONMENT:-}" != production ]; then
  if stack="$("$python" -m devstack privacy environment 2>/dev/null)"; then
    set -a
    eval "$stack"
    set +a
  fi
fi
: "${STORAGE_URL:?STORAGE_URL is where the suppression ledger lies}"

url() { # passwords may hold anything
  ROLE="$1" PASSWORD="$2" DATABASE="$database" "$python" - <<'PYTHON'
import os
from urllib.parse import quote

role, database = os.environ["ROLE"], os.environ["DATABASE"]
password = quote(os.environ["PASSWORD"], safe="")
host, port = os.environ["PGHOST"], os.environ.get("PGPORT") or "5432"
print(f"postgresql+asyncpg://{role}:{password}@{host}:{port}/{database}")
PYTHON
}

DATABASE_URL="$(url cogep_app "$COGEP_APP_PASSWORD")"
DATABASE_WORKER_URL="$(url cogep_worker "$COGEP_WORKER_PASSWORD")"
export DATABASE_URL DATABASE_WORKER_URL
events="$(mktemp)"
trap 'rm -f "$events"' EXIT

# What persons were known by passes from one to the other in memory: no file, no argument, no log.
known="$("$python" -m core_api.replay_suppressions "$events")"
printf '%s\n' "$known" | "$python" -m ai_svc.replay_erasures "$events" >&2
