#!/bin/sh
# Prints an interpreter this project runs on: CPython 3.11, 3.12 or 3.13. One line and exit code 1 when there is none.
for candidate in ${PYTHON:+"$PYTHON"} python3 python3.13 python3.12 python3.11; do
  "$candidate" -c 'import sys
sys.exit(sys.implementation.name != "cpython" or not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null &&
    command -v "$candidate" && exit 0
done
found="$(python3 --version 2>/dev/null || echo "no python3")"
echo "make: Python 3.11, 3.12 or 3.13 is needed, but there is ${found}. Install one, or name it: make PYTHON=/path/to/python3.12" >&2
exit 1
