#!/bin/sh
# Print the first Python >= 3.11 that can make virtual environments with pip.
# usage: find_python.sh [NAME...]   names to try first
found=
for name in "$@" python3.14 python3.13 python3.12 python3.11 python3 python; do
    "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue
    found=$name
    if "$name" -c 'import ensurepip, venv' 2>/dev/null; then
        command -v "$name"
        exit 0
    fi
done
if [ -n "$found" ]; then
    version=$("$found" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    echo "Python $version has no venv module: install it (apt-get install python$version-venv)." >&2
else
    echo "Python 3.11 or newer is needed, and none was found: install it (apt-get install python3 python3-venv)." >&2
fi
exit 1
