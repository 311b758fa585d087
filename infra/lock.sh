#!/usr/bin/env bash
# Renews every lock file. requirements-dev.txt decides the versions; each service's file is a part of it.
# No registry address is written: whoever installs brings their own.
set -euo pipefail
cd "$(dirname "$0")/.."

uv="${UV:-uv}"
compile() { # compile OUTPUT INPUT...
  local output="$1"
  shift
  "$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
    --no-header --no-config --output-file "$output" "$@"
  echo "locked $output"
}

schemas=libs/shared-schemas/pyproject.toml
chassis=libs/chassis/pyproject.toml
knowledge=libs/knowledge/pyproject.toml
core_api=services/core-api/pyproject.toml
ai_svc=services/ai-svc/pyproject.toml
worker_svc=services/worker-svc/pyproject.toml
devstack=infra/devstack/pyproject.toml
everything=("$schemas" "$chassis" "$knowledge" "$core_api" "$ai_svc" "$worker_svc" "$devstack")

compile requirements-dev.txt ${LOCK_UPGRADE:+--upgrade} requirements-dev.in "${everything[@]}"
compile infra/devstack/requirements.txt -c requirements-dev.txt "${everything[@]}"
compile services/core-api/requirements.txt -c requirements-dev.txt "$schemas" "$chassis" "$core_api"
compile services/ai-svc/requirements.txt -c requirements-dev.txt "$schemas" "$chassis" "$knowledge" "$ai_svc"
compile services/worker-svc/requirements.txt -c requirements-dev.txt "$schemas" "$chassis" "$knowledge" "$worker_svc"
echo uv | compile infra/uv-requirements.txt -c requirements-dev.txt -
echo hatchling | compile infra/docker/build-requirements.txt -c requirements-dev.txt -
