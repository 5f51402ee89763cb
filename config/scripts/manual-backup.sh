#!/bin/bash
# A backup by hand, from the start to the proof that it is good.
#
# Usage: manual-backup.sh CLUSTER [--full] [--keep daily|weekly|monthly|manual] [--note TEXT]
#                         [--restore DIRECTORY] [-- OPTION ...]
#
#   --full                 reads everything anew, instead of storing only what changed
#   --keep, --note         as of pgrecall backup
#   --restore DIRECTORY    also restores the backup into a new directory below DIRECTORY, has PostgreSQL's pg_verifybackup judge
#                          it where that program is there, and removes it again; needs the room of the whole cluster
#   -- OPTION ...          options for every call of pgrecall, as --config FILE or --repository URL
#
# It starts the backup and shows its progress (a running daemon is asked, otherwise it runs here), verifies every byte of it, and
# prints the backup's id last, on standard output; everything else goes to standard error.
#
# Exit codes are those of pgrecall: 0 done, 3 done but with warnings, 13 damage found, 14 server not reachable, 15 repository not
# reachable ... (pgrecall(1), EXIT STATUS); 2 for a wrong command line.
#
# Environment: PGRECALL, the program to call (default: pgrecall).
set -uo pipefail

pgrecall=${PGRECALL:-pgrecall}

usage() {
  sed -n '4,5s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
  exit 2
}
help() {
  sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"
  exit 0
}
say() { printf 'manual-backup: %s\n' "$*" >&2; }
value_of() { # option, values ...
  (($# >= 2)) || { say "$1 needs a value"; usage; }
  printf '%s' "$2"
}

cluster="" restore_below="" backup_options=() common=()
while (($#)); do
  case $1 in
    --full) backup_options+=("$1") ;;
    --keep | --note) value=$(value_of "$@") || exit 2; backup_options+=("$1" "$value"); shift ;;
    --restore) restore_below=$(value_of "$@") || exit 2; shift ;;
    -h | --help) help ;;
    --) shift; common=("$@"); break ;;
    -*) say "unknown option $1"; usage ;;
    *) [[ -z $cluster ]] || usage; cluster=$1 ;;
  esac
  shift
done
[[ -n $cluster ]] || usage
# Before the backup, not after it.
if [[ -n $restore_below && ! (-d $restore_below && -w $restore_below) ]]; then
  say "--restore: $restore_below is no directory that can be written to"
  exit 2
fi

scratch=$(mktemp -d) || exit 1
restored=""
clean_up() {
  rm -rf "$scratch"
  [[ -z $restored ]] || rm -rf "$restored"
}
trap clean_up EXIT

# The worst of all steps is what the script ends with: warnings do not end it, anything else does.
outcome=0
run() { # what, command ...
  local code
  say "$1"
  "${@:2}"
  code=$?
  if ((code == 3)); then
    outcome=3
  elif ((code != 0)); then
    say "failed with exit code $code: $1"
    exit "$code"
  fi
}

# The id stands in the JSON, whatever language or width the text is for.
member() { # name, file
  sed -n "s/^ *\"$1\": \"\\([^\"]*\\)\".*/\\1/p" "$2" | head -n 1
}
# Progress comes as JSON with it: "copying 26%" once a second.
progress_lines() {
  sed -u -n -e 's/^{"progress":{"phase":"\([^"]*\)".*"percent":\([0-9]*\),.*/manual-backup: \1 \2%/p; t' -e '/^{"progress":/!p'
}
take_backup() {
  local codes
  {
    "$pgrecall" backup "$cluster" "${backup_options[@]}" --output json "${common[@]}" 2>&1 >&3 | progress_lines >&2
    codes=("${PIPESTATUS[@]}")
  } 3>"$scratch/backup.json"
  return "${codes[0]}"
}
verify_backup() {
  "$pgrecall" verify "$cluster" "$id" --data all "${common[@]}" >&2
}
restore_backup() {
  "$pgrecall" restore "$cluster" --backup "$id" --into "$restored/data" "${common[@]}" >&2
}

run "backing up $cluster" take_backup
id=$(member id "$scratch/backup.json")
[[ -n $id ]] || { say "the backup has no id: is $pgrecall of another version?"; exit 1; }
say "took $id"
run "verifying $id" verify_backup

if [[ -n $restore_below ]]; then
  restored=$(mktemp -d "$restore_below/manual-backup.XXXXXX") || exit 1
  run "restoring $id into $restored" restore_backup
  version=$(<"$restored/data/PG_VERSION")
  judge=$(command -v "/usr/lib/postgresql/$version/bin/pg_verifybackup" || command -v pg_verifybackup || true)
  if [[ -n $judge ]]; then
    # WAL is judged by the restore itself, and configuration written by it is no part of the server's manifest.
    run "$judge" "$judge" --no-parse-wal --ignore=postgresql.auto.conf --ignore=recovery.signal --ignore=backup_label.old "$restored/data" >&2
  else
    say "no pg_verifybackup of PostgreSQL $version here: every file was checked against its hash, and that is all"
  fi
fi

say "done"
printf '%s\n' "$id"
exit "$outcome"
