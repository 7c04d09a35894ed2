#!/bin/sh
# Finds a Python >= 3.11 that can make virtual environments, and hands over to setup_env.py.
# The pinned set was tested on 3.11, so that one goes first. PYTHON=/path/to/python overrides.
set -eu
cd "$(dirname "$0")/.."

probe='import sys, venv, ensurepip; raise SystemExit(sys.version_info < (3, 11))'
for candidate in ${PYTHON:-python3.11 python3.12 python3.13 python3.14 python3 python}; do
    if "$candidate" -c "$probe" >/dev/null 2>&1; then
        exec "$candidate" scripts/setup_env.py "$@"
    fi
done

echo "No usable Python found: advisor needs Python 3.11 or newer with the modules venv and ensurepip." >&2
echo "Install one (Debian and Ubuntu: apt install python3 python3-venv), or name it: make demo PYTHON=/path/to/python3.12" >&2
exit 1
