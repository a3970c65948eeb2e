#!/bin/bash
# scimd killed -9 during a burst of pushes: every acknowledged change is there afterwards.
# shellcheck disable=SC2034
TARGET=scimd.service
# shellcheck source=kill_burst.sh
. "$(dirname "$(readlink -f "$0")")/kill_burst.sh"
