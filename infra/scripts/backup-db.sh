#!/usr/bin/env bash
# Dump the database into one compressed, checksummed file, and delete the dumps that are too old.
#
# Where: PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE (libpq's own variables; a password never stands on a command
# line). The user must bypass row-level security: with any other role a dump of our tables is refused.
#   BACKUP_DIR             folder of the dumps (required)
#   BACKUP_RETENTION_DAYS  how long a dump is kept (default 14)
#   BACKUP_KEEP_AT_LEAST   how many are kept however old they are (default 3)
#   PG_BIN                 folder of pg_dump and pg_restore (default: PATH)
# Prints the file it wrote. Nothing half-written ever carries the name of a dump.
set -euo pipefail
umask 077

: "${BACKUP_DIR:?BACKUP_DIR is the folder for the dumps}"
: "${PGHOST:?}" "${PGUSER:?}" "${PGDATABASE:?}"
retention_days="${BACKUP_RETENTION_DAYS:-14}"
keep_at_least="${BACKUP_KEEP_AT_LEAST:-3}"
pg_bin="${PG_BIN:+${PG_BIN%/}/}"

say() { printf '%s\n' "$*" >&2; }

checksum() { # macOS has no sha256sum
  if command -v sha256sum >/dev/null; then sha256sum "$@"; else shasum -a 256 "$@"; fi
}

mkdir -p "$BACKUP_DIR"
cd "$BACKUP_DIR"

name="${PGDATABASE}-$(date -u +%Y%m%dT%H%M%SZ).dump"
partial="$name.partial"
trap 'rm -f "$partial"' EXIT

"${pg_bin}pg_dump" --format=custom --compress=6 --no-password --lock-wait-timeout=60000 --file="$partial"
# A dump that cannot be read is no backup.
tables="$("${pg_bin}pg_restore" --list "$partial" | grep -c ' TABLE DATA ' || true)"
if [ "$tables" -eq 0 ]; then
  say "the dump of $PGDATABASE holds no tables"
  exit 1
fi
mv "$partial" "$name"
checksum "$name" >"$name.sha256.partial"
mv "$name.sha256.partial" "$name.sha256"
say "$name: $tables tables, $(wc -c <"$name" | tr -d ' ') bytes"

# Oldest last; the newest ones stay whatever their age, so that a stopped schedule never ends in an empty folder.
kept=0
while IFS= read -r dump; do
  kept=$((kept + 1))
  if [ "$kept" -gt "$keep_at_least" ] && [ -n "$(find "$dump" -mtime "+$retention_days")" ]; then
    rm -f "$dump" "$dump.sha256"
    say "deleted $dump"
  fi
done < <(find . -maxdepth 1 -name "$PGDATABASE-*.dump" | sort -r)

printf '%s\n' "$BACKUP_DIR/$name"
