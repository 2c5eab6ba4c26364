#!/bin/sh
# Counts what each extra installs and how much room that takes, compiled files included: docs/install.md has what came of
# it. Takes a wheel (make wheel); needs uv on the PATH.
set -eu
wheel=$(realpath "$1")
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
for extra in "" "[emulator]" "[pytest]" "[templates]" "[deploy]"; do
    uv venv --quiet --clear --python 3.11 "$place/venv"
    uv pip install --quiet --compile-bytecode --python "$place/venv/bin/python" "$wheel$extra"
    packages="$place/venv/lib/python3.11/site-packages"
    bytes=$(find "$packages" -type f -printf '%s\n' | awk '{ sum += $1 } END { print sum }')
    echo "streamer-ws$extra: $(find "$packages" -maxdepth 1 -name '*.dist-info' | wc -l) packages, $((bytes / 1000000)) MB"
done
