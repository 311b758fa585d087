#!/usr/bin/env bash
# Ask Coolify to deploy one service, wait until it is done, and look whether the public address still answers.
#
#   deploy.sh core-api|ai-svc|worker-svc
#
# COOLIFY_URL, COOLIFY_TOKEN (permission: deploy and read), COOLIFY_UUID_CORE_API, COOLIFY_UUID_AI_SVC,
# COOLIFY_UUID_WORKER_SVC: the resources. PUBLIC_URL: the address people type. DEPLOY_TIMEOUT: seconds (default 600).
set -euo pipefail

service="${1:?usage: deploy.sh SERVICE}"
: "${COOLIFY_URL:?}" "${COOLIFY_TOKEN:?}" "${PUBLIC_URL:?}"
case "$service" in
core-api) uuid="${COOLIFY_UUID_CORE_API:?}" ;;
ai-svc) uuid="${COOLIFY_UUID_AI_SVC:?}" ;;
worker-svc) uuid="${COOLIFY_UUID_WORKER_SVC:?}" ;;
*)
  echo "there is no service $service" >&2
  exit 2
  ;;
esac

coolify() { # method, path; the token goes through standard input, where no process list shows it
  printf 'header = "Authorization: Bearer %s"\n' "$COOLIFY_TOKEN" |
    curl --config - --silent --show-error --fail-with-body --max-time 30 --retry 3 \
      --request "$1" --header "Accept: application/json" "${COOLIFY_URL%/}/api/v1/$2"
}

deployment="$(coolify POST "deploy?uuid=$uuid&force=false" | jq --raw-output '.deployments[0].deployment_uuid')"
echo "$service: deployment $deployment"

deadline=$((SECONDS + ${DEPLOY_TIMEOUT:-600}))
status=queued
while [ "$status" != finished ]; do
  if [ "$SECONDS" -ge "$deadline" ]; then
    echo "$service: still $status" >&2
    exit 1
  fi
  case "$status" in failed | cancelled*)
    echo "$service: $status; the container that ran before keeps running" >&2
    exit 1
    ;;
  esac
  sleep "${DEPLOY_POLL:-5}"
  status="$(coolify GET "deployments/$deployment" | jq --raw-output .status)"
done

curl --silent --show-error --fail --output /dev/null --max-time 10 --retry 10 --retry-delay 3 --retry-all-errors \
  "${PUBLIC_URL%/}/api/openapi.json"
echo "$service: deployed"
