#!/bin/sh
# Entry of the worker-svc image: work, and serve health and metrics. The queue's owner migrates it, not the worker.
# Beside other processes it yields: who waits for an answer comes before who does not.
set -eu

exec nice -n 10 uvicorn --factory worker_svc.main:create_app --host 0.0.0.0 --port 8004 \
  --no-access-log --no-server-header --timeout-graceful-shutdown 50
