#!/bin/sh
# Makes a bundle of conformance programs with the traces that CPython's asyncio gives for them.
# SPDX-License-Identifier: MIT
#
#     sh regenerate.sh                              core.bundle, mixed.bundle and by_hand/*.trace, as they are committed
#     sh regenerate.sh FIRST END FILE [PROFILE]     seeds FIRST to END - 1; the profile is mixed unless given
#
# PYTHON names another python3.13. The reference is 3.13.0.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
case $# in
  0) ;;
  3) set -- "$1" "$2" "$3" mixed ;;
  4) ;;
  *)
    sed -n '5,8s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac

python=${PYTHON:-python3.13}
"$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' 2>/dev/null || {
  echo "there is no $python; name a Python 3.13: PYTHON=... sh regenerate.sh" >&2
  exit 1
}
oracle="$here/reference/oracle.py"
if [ $# -gt 0 ]; then
  exec "$python" -B "$oracle" bundle "$1" "$2" "$3" --profile "$4"
fi
for profile in core mixed; do
  "$python" -B "$oracle" bundle 0 1000 "$here/$profile.bundle" --profile "$profile"
done
for program in "$here"/by_hand/*.json; do
  "$python" -B "$oracle" run "$program" >"${program%.json}.trace"
done
