#!/bin/sh
# A tool of the project, of which there is one version for ever.
if [ "$1" = --version ]; then
    echo "tool 1.0"
    exit 0
fi
shift
cat "$@"
