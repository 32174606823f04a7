#!/bin/sh
# Makes the reference with doxygen. Fails if doxygen warns, or if what everybody looks for is not in it.
# SPDX-License-Identifier: MIT
#
#     sh docs/reference/build.sh FOLDER        (FOLDER/reference/index.html is its first page)
set -eu

mkdir -p "$1"
out=$(CDPATH='' cd -- "$1" && pwd)
cd "$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)"

rm -rf "$out/reference"
{
  cat docs/reference/Doxyfile
  printf 'OUTPUT_DIRECTORY = "%s"\n' "$out"
} | ${DOXYGEN:-doxygen} -

for name in run gather gather_outcomes create_task current_task all_tasks sleep_for sleep_until yield with_timeout \
  with_timeout_at wait_for wait_until with_task_group race shield finally wait as_completed outcome_of; do
  grep -q ">$name</a>" "$out/reference/namespaceweft.html" || {
    echo "the reference lacks weft::$name" >&2
    exit 1
  }
done
for name in task task_handle task_ref outcome event_loop virtual_clock remote_loop cancelled_error timeout_scope \
  interval task_group exception_group mutex semaphore event condition_variable barrier basic_queue future; do
  grep -q ">$name</a>" "$out/reference/annotated.html" || {
    echo "the reference lacks the class weft::$name" >&2
    exit 1
  }
done
echo "the reference is in $out/reference"
