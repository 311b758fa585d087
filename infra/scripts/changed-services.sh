#!/usr/bin/env bash
# Which services does the difference between two commits change? Prints a JSON list, for the deploy workflows.
#
#   changed-services.sh BASE HEAD
#
# A service changes with its own folder, its start script, the libraries it is built from and the parts of the build
# all share. When BASE is not known (a first push, a rewritten branch), everything changed.
set -euo pipefail

if [ "$#" -ne 2 ]; then
  echo "usage: changed-services.sh BASE HEAD" >&2
  exit 2
fi
base="$1" head="$2"

everything='["core-api", "ai-svc", "worker-svc"]'
if ! files="$(git diff --name-only "$base" "$head" -- 2>/dev/null)"; then
  printf '%s\n' "$everything"
  exit 0
fi

changed=()
for service in core-api ai-svc worker-svc; do
  libraries='shared-schemas|chassis'
  [ "$service" = core-api ] || libraries="$libraries|knowledge"
  paths="^(services/$service/|libs/($libraries)/|infra/scripts/start-$service\.sh$|infra/docker/|infra/docker-compose\.prod\.yml$|\.dockerignore$)"
  if grep -Eq "$paths" <<<"$files"; then changed+=("\"$service\""); fi
done
printf '[%s]\n' "$(IFS=,; printf '%s' "${changed[*]-}")"
