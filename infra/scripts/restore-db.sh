#!/usr/bin/env bash
# Restore a dump of backup-db.sh into a fresh database, with roles, privileges and row-level security.
#
#   restore-db.sh DUMP DATABASE
#
# Where: PGHOST, PGPORT, PGUSER (a superuser), PGPASSWORD. COGEP_OWNER_PASSWORD, COGEP_APP_PASSWORD and
# COGEP_WORKER_PASSWORD are the passwords the three roles have afterwards. PG_BIN: folder of psql and pg_restore.
#
# Who was erased since the dump was made is erased again before this ends (LGPD): REPLAY is the command that does it,
# with the database's name as its argument (default: replay-suppressions.sh beside this script; see there what it
# needs). A database whose replay failed is not left behind: it must not serve. REPLAY=none only where the schema is
# older than the suppression ledger.
#
# The database must not exist: this script never overwrites data. To replace one, restore under another name, look at
# it, stop the services, and rename both (ALTER DATABASE … RENAME TO …). All or nothing: a restore that fails leaves no
# database behind.
set -euo pipefail

if [ "$#" -ne 2 ]; then
  echo "usage: restore-db.sh DUMP DATABASE" >&2
  exit 2
fi
dump="$1" database="$2"
: "${PGHOST:?}" "${PGUSER:?}"
: "${COGEP_OWNER_PASSWORD:?}" "${COGEP_APP_PASSWORD:?}" "${COGEP_WORKER_PASSWORD:?}"
pg_bin="${PG_BIN:+${PG_BIN%/}/}"
replay="${REPLAY:-$(cd "$(dirname "$0")" && pwd)/replay-suppressions.sh}"
init_sql="${INIT_SQL:-$(cd "$(dirname "$0")/../postgres" && pwd)/init.sql}"
export PGDATABASE=postgres

say() { printf '%s\n' "$*" >&2; }

ask() { # one value; $2 is the database
  "${pg_bin}psql" --no-psqlrc --no-password --quiet --tuples-only --no-align --set=ON_ERROR_STOP=1 \
    --dbname="${2:-postgres}" --command="$1"
}

checksum() {
  if command -v sha256sum >/dev/null; then sha256sum "$@"; else shasum -a 256 "$@"; fi
}

case "$database" in
"" | *[!a-z0-9_]*)
  say "a database name has small letters, digits and underscores: $database"
  exit 2
  ;;
esac
[ -r "$dump" ] || { say "there is no dump $dump"; exit 1; }
if [ ! -r "$dump.sha256" ]; then
  say "there is no checksum beside $dump"
  exit 1
fi
if ! (cd "$(dirname "$dump")" && checksum --check "$(basename "$dump").sha256" >/dev/null 2>&1); then
  say "$dump does not have the checksum it was written with"
  exit 1
fi
if [ -n "$(ask "SELECT 1 FROM pg_database WHERE datname = '$database'")" ]; then
  say "the database $database exists; restore under another name, or drop it yourself"
  exit 1
fi

unfinished=yes
discard() {
  if [ -n "$unfinished" ]; then
    ask "DROP DATABASE IF EXISTS \"$database\" WITH (FORCE)" >/dev/null || true
    say "nothing was restored"
  fi
}
trap discard EXIT

"${pg_bin}psql" --no-psqlrc --no-password --quiet --set="database=$database" --file="$init_sql" >/dev/null
"${pg_bin}pg_restore" --no-password --single-transaction --exit-on-error --dbname="$database" "$dump"
ask "ANALYZE" "$database" >/dev/null

open_tables="$(ask "
  SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'organization_id' AND NOT a.attisdropped
  WHERE n.nspname IN ('crm', 'ai') AND c.relkind IN ('r', 'p')
    AND NOT (c.relrowsecurity AND c.relforcerowsecurity)" "$database")"
if [ "$open_tables" -ne 0 ]; then
  say "$open_tables tenant tables came back without row-level security"
  exit 1
fi
if [ "$replay" = none ]; then
  if [ -n "$(ask "SELECT to_regclass('crm.erasures')" "$database")" ]; then
    say "this database knows erasures: who was erased since the dump must be erased again (REPLAY)"
    exit 1
  fi
  say "migrate it, and run replay-suppressions.sh before anything serves"
elif ! "$replay" "$database"; then
  say "who was erased since the dump was made could not be erased again"
  exit 1
fi
unfinished=""
tables="$(ask "SELECT count(*) FROM pg_tables WHERE schemaname IN ('crm', 'ai')" "$database")"
say "restored $dump into $database: $tables tables"
