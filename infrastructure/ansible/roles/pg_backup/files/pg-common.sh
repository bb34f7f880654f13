# shellcheck shell=bash
# What backup-pg.sh and restore-pg-latest.sh share: configuration, lock, server, S3, the end of a run.
# Sourced by both from their own directory; it does nothing by itself.

set -Eeuo pipefail
shopt -s inherit_errexit
export TZ=UTC LC_ALL=C.UTF-8
exec </dev/null # "docker exec -i" would take the caller's input

PROGRAM=${0##*/}
BACKUP_NAME='^[0-9]{4}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3])[0-5][0-9][0-5][0-9]Z-[0-9a-f]{8}$'
STARTED=$EPOCHREALTIME
MESSAGE=''
CHILDREN=() # what has to be ended by hand: uploads, downloads
LOCK=''     # the descriptor of the lock
SESSION=''  # the descriptor that keeps the exporting session open
RUN=''      # this run's directory, below STATE_DIR
PG=()       # the command prefix that reaches the server
STARTING='' # whether the newest background process is an upload that CHILDREN may lack yet

log() {
  printf '%(%FT%TZ)T %s: %s\n' -1 "$PROGRAM" "$*" >&2
}

# fail CODE WHAT FIX: the end of the run, in one line.
fail() {
  MESSAGE="$2; $3"
  exit "$1"
}

seconds_since_start() {
  awk -v from="$STARTED" -v to="$EPOCHREALTIME" 'BEGIN { printf "%.1f", to - from }'
}

# Whatever way a run ends, it ends here.
trap finish EXIT
trap 'MESSAGE="line $LINENO failed: ${BASH_COMMAND%%[[:cntrl:]]*}; the lines above say why"' ERR
trap 'MESSAGE="interrupted by SIGHUP; run it again"; exit 129' HUP
trap 'MESSAGE="interrupted by SIGINT; run it again"; exit 130' INT
trap 'MESSAGE="interrupted by SIGTERM; run it again"; exit 143' TERM

finish() {
  local status=$?
  trap - EXIT ERR
  trap '' HUP INT TERM
  set +e # every part of the cleaning gets its chance
  end_children
  clean_up
  [[ -n $RUN ]] && rm -rf "$RUN"
  if ((status != 0)); then
    log "FAILED: ${MESSAGE:=unexpected end; the lines above say why}"
    [[ -n $LOCK ]] && exec {LOCK}>&-
    alert
  fi
  exit "$status"
}

# A script with more to clean up has its own.
clean_up() {
  return 0
}

# Uploads are killed while their input is still held open: an input that ends completes an upload.
# The rest goes by ending this run's sessions on the server, which reaches clients inside a container too.
end_children() {
  local child attempt
  for child in $(jobs -rp); do
    [[ " ${CHILDREN[*]} ${STARTING:+${!:-}} " == *" $child "* ]] && kill "$child"
  done
  [[ -n $SESSION ]] && exec {SESSION}>&-
  for attempt in {0..99}; do
    [[ -n $(jobs -rp) ]] || return
    ((attempt % 20 != 1)) || end_sessions
    sleep 0.1
  done
  log "these do not end, and are killed: $(jobs -r)"
  mapfile -t CHILDREN < <(jobs -rp)
  kill "${CHILDREN[@]}"
}

alert() {
  local -a hook
  read -r -a hook <<<"${ON_FAILURE:-}"
  ((${#hook[@]} == 0)) && return
  "${hook[@]}" "$PROGRAM: $MESSAGE" >&2 || log "the ON_FAILURE command failed too"
}

# --- configuration -----------------------------------------------------------------------------

# The arguments of a script that takes nothing but its configuration.
parse() {
  CONFIG=''
  while (($# > 0)); do
    case $1 in
      --config) [[ -n ${2:-} ]] || fail 2 "$1 needs a value" "see --help" ;;&
      --config) CONFIG=$2 && shift ;;
      -h | --help) usage && exit 0 ;;
      *) fail 2 "unknown argument $1" "see --help" ;;
    esac
    shift
  done
  [[ -n $CONFIG ]] || fail 2 "no configuration was named" "give --config FILE"
}

# Only the file speaks: an AWS_* or PG* variable of the caller could lead to another bucket or server, a DRILL_* one
# to figures that nobody measured.
load_configuration() {
  local file=$1
  check_file "$file"
  unset "${!AWS_@}" "${!PG@}" "${!DRILL_@}" BACKUP_BUCKET BUCKET
  set -a
  # shellcheck source=/dev/null
  source "$file" || fail 2 "configuration $file is not valid" "write KEY='value' lines, as backup.yml does"
  set +a
  : "${BACKUP_BUCKET:=${BUCKET:-}}" # the older name, until backup.yml writes the file again
  : "${PG_SERVICE:=}" "${PG_BIN:=}" "${ATTACHMENTS_DIR:=}" "${ON_FAILURE:=}" "${DRILL_STARTED:=}" "${DRILL_RPO:=}"
  ATTACHMENTS_DIR=${ATTACHMENTS_DIR%/}
  export AWS_PAGER='' AWS_DEFAULT_REGION=${AWS_REGION:-}
  # By default awscli takes a 408 as final, and asks the metadata service for the role's credentials only once.
  export AWS_RETRY_MODE=${AWS_RETRY_MODE:-standard} AWS_MAX_ATTEMPTS=${AWS_MAX_ATTEMPTS:-5}
  export AWS_METADATA_SERVICE_NUM_ATTEMPTS=${AWS_METADATA_SERVICE_NUM_ATTEMPTS:-5} AWS_METADATA_SERVICE_TIMEOUT=${AWS_METADATA_SERVICE_TIMEOUT:-5}
  check_values "$file"
  AWS=("$AWS_CLI" --cli-connect-timeout 10 --cli-read-timeout 60)
  PG=()
}

check_file() {
  local file=$1 owner mode
  [[ -f $file && -r $file ]] || fail 2 "configuration $file cannot be read" "run backup.yml, or name the file with --config"
  read -r owner mode <<<"$(stat --dereference --format '%u %a' "$file")"
  ((owner == EUID || owner == 0)) || fail 2 "configuration $file belongs to another user" "chown it to the user who runs this"
  ((8#$mode & 8#077)) && fail 2 "configuration $file is open to others (mode $mode)" "chmod 600 $file"
  return 0
}

# Every problem at once.
check_values() {
  local file=$1 key problems=()
  for key in DATABASE BACKUP_BUCKET AWS_REGION AWS_CLI STATE_DIR LOCK_FILE; do
    [[ -n ${!key:-} ]] || problems+=("$key is missing")
  done
  for key in KEEP_DAILY KEEP_WEEKLY; do
    [[ ${!key:-} =~ ^(0|[1-9][0-9]{0,3})$ ]] || problems+=("$key is not a number")
  done
  [[ ${KEEP_DAILY:-} == 0 ]] && problems+=("KEEP_DAILY is 0")
  [[ ${DATABASE:-} == */* || ${DATABASE:-} == . || ${DATABASE:-} == .. || ${DATABASE:-} == *[[:cntrl:]]* ]] &&
    problems+=("DATABASE cannot be part of an S3 key")
  # The names DATABASE_restore_ID and DATABASE_before_ID have to fit into PostgreSQL's 63 bytes.
  (($(bytes "${DATABASE:-}") > 46)) && problems+=("DATABASE is longer than 46 bytes")
  [[ -z ${AWS_CLI:-} || -x $AWS_CLI ]] || problems+=("AWS_CLI $AWS_CLI is not a program")
  ((${#problems[@]} == 0)) || fail 2 "configuration $file: $(printf '%s, ' "${problems[@]}")nothing was done" "correct the file"
}

bytes() {
  local LC_ALL=C
  printf '%s' "${#1}"
}

# --- one run at a time -------------------------------------------------------------------------

# Children inherit the lock: what a killed run left running still holds it, and it goes with the last of them. So none
# may wait for the killed one: a named pipe is open at both ends before a child opens its own, which returns at once.
take_lock() {
  exec {LOCK}<>"$LOCK_FILE" || fail 1 "the lock $LOCK_FILE cannot be opened" "create its directory, writable by this user"
  flock --nonblock "$LOCK" ||
    fail 1 "another run holds $LOCK_FILE ($(<"$LOCK_FILE"))" "wait until it has ended; fuser $LOCK_FILE shows who holds it"
  printf '%s, pid %s, since %(%FT%TZ)T\n' "$PROGRAM" $$ -1 >"$LOCK_FILE"
  { remove_folders "$STATE_DIR"/run.???????? && RUN=$(umask 077 && mkdir -p "$STATE_DIR" && mktemp -d "$STATE_DIR/run.XXXXXXXX") &&
    mark_folder "$RUN"; } ||
    fail 1 "no directory can be made in $STATE_DIR" "make room there, and make it writable by this user"
  export TMPDIR=$RUN
}

# Attachments that were live, left by a restore that was killed, or that could not move them back. What is in their
# place may be nothing.
check_aside() {
  local aside
  [[ -n $ATTACHMENTS_DIR ]] || return 0
  for aside in "$ATTACHMENTS_DIR".aside_*; do
    [[ ! -e $aside ]] || fail 1 "an earlier restore ended halfway: $aside holds attachments that were live" \
      "put them back into $ATTACHMENTS_DIR, as the runbook says"
  done
}

# --- the server --------------------------------------------------------------------------------

# Whatever the database or the role has set for its sessions. No function of a schema of the database's owner may
# stand in the place of PostgreSQL's own: these sessions are a superuser's.
SESSION_SETTINGS='-c search_path=pg_catalog -c statement_timeout=0 -c idle_in_transaction_session_timeout=0 -c quote_all_identifiers=off'

find_server() {
  local -a containers=()
  export PGAPPNAME PGOPTIONS=$SESSION_SETTINGS PGCLIENTENCODING=UTF8 PGCONNECT_TIMEOUT=10
  PGAPPNAME=quickdata-$(random_id)
  if [[ -n $PG_SERVICE ]]; then
    mapfile -t containers < <(docker ps --quiet --filter status=running --filter "label=com.docker.swarm.service.name=$PG_SERVICE")
    ((${#containers[@]} == 1)) || fail 1 "${#containers[@]} containers of the service $PG_SERVICE run on this node, not 1" \
      "look at docker service ps $PG_SERVICE, and run this on the node of its only task"
    PG=(docker exec -i -e PGUSER -e PGDATABASE -e PGAPPNAME -e PGOPTIONS -e PGCLIENTENCODING "${containers[0]}")
  elif [[ -n $PG_BIN ]]; then
    PATH=$PG_BIN:$PATH
  fi
  MAINTENANCE=postgres
  [[ $DATABASE != postgres ]] || MAINTENANCE=template1
}

random_id() {
  od -An -N4 -tx4 /dev/urandom | tr -d ' \n'
}

# sql DATABASE [psql options]: the SQL on standard input. The name goes by the environment, because psql
# takes an argument with "=" for a connection string.
sql() {
  PGDATABASE=$1 "${PG[@]}" psql -XqAtw -v ON_ERROR_STOP=1 "${@:2}"
}

end_sessions() {
  [[ -z ${MAINTENANCE:-} ]] || sql "$MAINTENANCE" -v application="$PGAPPNAME" >/dev/null <<'SQL'
select count(pg_terminate_backend(pid)) from pg_stat_activity
where application_name = :'application' and pid <> pg_backend_pid();
SQL
}

# A document of any content as an SQL literal.
literal() {
  local tag
  tag="\$q$(random_id)$(random_id)\$"
  printf '%s%s%s' "$tag" "$1" "$tag"
}

# --- S3 ----------------------------------------------------------------------------------------

# list DATABASE: every key below that exact database's prefix, without the prefix, in the order of time.
list() {
  local root=postgres/$1/ key
  "${AWS[@]}" s3api list-objects-v2 --bucket "$BACKUP_BUCKET" --prefix "$root" --query 'Contents[].[Key]' --output text |
    while read -r key; do printf '%s\n' "${key#"$root"}"; done
}

# names FILE: the backups which have that file, from a listing on standard input. All the rest of a key has
# to match: the listing of "app" also holds the keys of a database called "app/…".
names() {
  local name file
  while IFS=/ read -r name file; do
    # shellcheck disable=SC2053 # "*" means any file
    [[ $name =~ $BACKUP_NAME && $file == $1 ]] && printf '%s\n' "$name"
  done
  return 0
}
