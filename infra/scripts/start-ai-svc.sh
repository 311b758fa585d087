#!/bin/sh
# Entry of the ai-svc image: bring the schema up to date, then serve.
set -eu

alembic upgrade head
# The server has no use for the owner of the tables.
unset DATABASE_OWNER_URL
# One process per container: replicas scale, and /metrics stays whole. The proxy keeps idle connections 90 s; closing
# them earlier than it does would meet requests already on their way.
exec uvicorn --factory ai_svc.main:create_app --host 0.0.0.0 --port 8001 \
  --no-access-log --no-server-header --timeout-keep-alive 120 --timeout-graceful-shutdown 25
