#!/usr/bin/env bash
# Restores the newest backup (or one by its id) into a scratch database, compares it with the manifest, and only
# then swaps it in by renames. With --verify the scratch database is dropped instead, and verified.json is written.

here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
# shellcheck source=pg-common.sh
source "$here/pg-common.sh" || exit 1
# shellcheck source=pg-marks.sh
source "$here/pg-marks.sh" || exit 1
# shellcheck source=pg-fingerprints.sh
source "$here/pg-fingerprints.sh" || exit 1
# shellcheck source=pg-objects.sh
source "$here/pg-objects.sh" || exit 1
# shellcheck source=pg-swap.sh
source "$here/pg-swap.sh" || exit 1

# Text from outside must be this before bash computes with it: it runs commands in any other.
NUMBER='^(0|[1-9][0-9]{0,17})$'

SCRATCH=''         # the scratch database, while it has to be dropped at the end
UNPACKED=''        # the directory with the attachments, while it has to be removed at the end
ASIDE=''           # the directory with the attachments that were live, from when they are moved
EMPTIED=''         # whether all of them are there
STAND_IN_LOCALE='' # what a drill sorts by where the database's locale is missing
# Roles made for this restore, as SQL writes them, while they have to be dropped at the end:
declare -A NEW_ROLES=()

usage() {
  cat <<'TEXT'
Usage: restore-pg-latest.sh --config FILE [--id ID] [--verify] [--from-database NAME]

  --id ID               that backup instead of the newest one
  --verify              restore into a scratch database, compare, drop it; the live one is not touched
  --from-database NAME  a backup of another database

Writes one JSON line about the restore to standard output, the log to standard error.
Exit codes: 0 done, 1 failed, 2 wrong configuration or arguments, 4 what came back differs from the manifest.
TEXT
}

main() {
  parse "$@"
  load_configuration "$CONFIG"
  : "${SOURCE:=$DATABASE}"
  take_lock
  find_server
  check_server
  choose_backup
  read_manifest
  check_target
  restore_roles
  restore_scratch
  restore_attachments
  compare
  if [[ $ACTION == verified ]]; then note_verified; else swap; fi
  printf '%s, "seconds": %s}\n' "${SUMMARY%\}}" "$(seconds_since_start)"
  log "backup $NAME $ACTION"
}

parse() {
  CONFIG='' WANTED='' SOURCE='' ACTION=restored
  while (($# > 0)); do
    case $1 in
      --config | --id | --from-database) [[ -n ${2:-} ]] || fail 2 "$1 needs a value" "see --help" ;;&
      --config) CONFIG=$2 && shift ;;
      --id) WANTED=$2 && shift ;;
      --from-database) SOURCE=$2 && shift ;;
      --verify) ACTION=verified ;;
      -h | --help) usage && exit 0 ;;
      *) fail 2 "unknown argument $1" "see --help" ;;
    esac
    shift
  done
  [[ -n $CONFIG ]] || fail 2 "no configuration was named" "give --config FILE"
}

# The end of every run: what is still named here belongs to a restore that failed, or was only verified.
clean_up() {
  [[ -n $UNPACKED ]] && remove_folders "$UNPACKED"
  [[ -n $SCRATCH ]] && drop_databases "$SCRATCH"
  ((${#NEW_ROLES[@]} == 0)) || drop_roles
  UNPACKED='' SCRATCH='' NEW_ROLES=()
}

# --- which backup --------------------------------------------------------------------------------

choose_backup() {
  local listing complete
  listing=$(list "$SOURCE") || fail 1 "s3://$BACKUP_BUCKET cannot be listed" "check BACKUP_BUCKET, AWS_REGION and the role of this machine"
  complete=$(names manifest.json <<<"$listing" | sort)
  [[ -n $complete ]] || fail 1 "s3://$BACKUP_BUCKET holds no backup of $SOURCE" "take one with backup-pg.sh first"
  NAME=$(awk -v id="$WANTED" 'id == "" || $0 == id || substr($0, 18) == id' <<<"$complete" | tail -n 1)
  [[ -n $NAME ]] || fail 1 "s3://$BACKUP_BUCKET holds no backup $WANTED of $SOURCE" "the newest one is ${complete##*$'\n'}"
  ID=${NAME##*-} PREFIX=postgres/$SOURCE/$NAME
  log "backup $NAME of $SOURCE, to be $ACTION"
}

read_manifest() {
  local fields format database id object key sha256 codec bytes
  "${AWS[@]}" s3api get-object --bucket "$BACKUP_BUCKET" --key "$PREFIX/manifest.json" "$RUN/manifest.json" >/dev/null ||
    fail 1 "the manifest of $NAME cannot be downloaded" "check the network and the role of this machine"
  MANIFEST="$(literal "$(<"$RUN/manifest.json")")::json"
  fields=$(manifest_fields) || fail 1 "the manifest of $NAME cannot be understood" "restore another backup with --id"
  declare -gA KEY=() SHA256=() CODEC=() BYTES=()
  {
    IFS=$'\x1f' read -r format database id SERVER_MAJOR DATABASE_BYTES
    while IFS=$'\x1f' read -r object key sha256 codec bytes; do
      KEY[$object]=$key SHA256[$object]=$sha256 CODEC[$object]=$codec BYTES[$object]=$bytes
    done
  } <<<"$fields"
  [[ $format == 1 ]] || fail 1 "the manifest of $NAME has format ${format:-none}, not 1" "use the scripts that wrote it"
  [[ $database == "$SOURCE" && $id == "$ID" ]] || fail 1 "the manifest of $NAME belongs to another backup" "restore another backup with --id"
  [[ $SERVER_MAJOR =~ $NUMBER && $DATABASE_BYTES =~ $NUMBER ]] ||
    fail 1 "the manifest of $NAME gives a version or a size that is not a number" "restore another backup with --id"
  check_objects
}

# PostgreSQL reads the JSON: no other tool for it is on every node.
manifest_fields() {
  sql "$MAINTENANCE" -F $'\x1f' <<SQL
select m->>'format', m->>'database', m->>'id', split_part(m->>'server_version', '.', 1), m->>'database_bytes'
from (select $MANIFEST as m);
select key, value->>'key', value->>'sha256', value->>'codec', coalesce(value->>'unpacked', value->>'size')
from (select $MANIFEST as m), json_each(case m->>'format' when '1' then m->'objects' end);
SQL
}

check_objects() {
  local object
  [[ -n ${KEY[dump]:-} && -n ${KEY[globals]:-} ]] || fail 1 "the manifest of $NAME lacks an object" "restore another backup with --id"
  for object in "${!KEY[@]}"; do
    [[ $object =~ ^(dump|globals|attachments)$ && ${KEY[$object]} == "$PREFIX"/* && ${CODEC[$object]} =~ ^(zstd|gzip)$ && ${BYTES[$object]} =~ $NUMBER ]] ||
      fail 1 "the manifest of $NAME describes its $object wrongly" "restore another backup with --id"
    command -v "${CODEC[$object]}" >/dev/null || fail 1 "the $object is compressed with ${CODEC[$object]}" "install ${CODEC[$object]}"
  done
}

# --- the target ----------------------------------------------------------------------------------

check_server() {
  SERVER=$(sql "$MAINTENANCE" <<<'show server_version_num') || fail 1 "PostgreSQL cannot be reached" "check PGUSER and that the server runs"
  [[ $SERVER =~ $NUMBER ]] || fail 1 "PostgreSQL gives a version that is not a number" "check that the server is the right one"
  # A trigger that notes who signs in would change what is compared.
  ((SERVER < 170000)) || PGOPTIONS+=' -c event_triggers=off'
}

# Under the lock, a scratch database that bears its mark belongs to a run that was killed.
check_target() {
  ((SERVER / 10000 >= SERVER_MAJOR)) || fail 1 "the server is older than that of the backup ($SERVER_MAJOR)" "restore into PostgreSQL $SERVER_MAJOR"
  drop_databases "${DATABASE}_restore_" '[0-9a-f]{8}'
  [[ $ACTION == verified ]] || { check_aside && remove_unpacked; }
  check_names
  check_room
}

# What a killed run unpacked is in the bucket still.
remove_unpacked() {
  [[ -z $ATTACHMENTS_DIR ]] || remove_folders "$ATTACHMENTS_DIR".restore_????????
}

check_room() {
  local directory free=''
  directory=$(sql "$MAINTENANCE" <<<'show data_directory')
  if [[ -n $PG_SERVICE ]] || [[ ${PGHOST:-/} =~ ^(/|127\.|localhost$|::1$) && -d $directory ]]; then
    free=$("${PG[@]}" df -Pk "$directory" | free_bytes)
  fi
  [[ -n $free ]] || { log "room on the server is not known from here, and not checked" && return; }
  ((free > DATABASE_BYTES)) || fail 1 "the restore needs $DATABASE_BYTES bytes beside the live database, $free are free in $directory" \
    "make room, for example by dropping an old ${DATABASE}_before_ database"
}

free_bytes() {
  awk 'NR == 2 { printf "%.0f", $4 * 1024 }'
}

# --- proof ---------------------------------------------------------------------------------------

compare() {
  local differences
  { snapshot && fingerprints; } | sql "$SCRATCH" >"$RUN/tables.json" &
  wait "$!" || fail 1 "the restored rows cannot be counted" "the lines above say why"
  comparison >"$RUN/comparison" || fail 1 "the comparison failed" "the lines above say why"
  { read -r SUMMARY && mapfile -t differences; } <"$RUN/comparison" || fail 1 "the comparison says nothing" "check the psql of this machine"
  ((${#differences[@]} == 0)) && return
  printf '%s\n' "${differences[@]:0:20}" | while read -r line; do log "different: $line"; done
  fail 4 "${#differences[@]} tables differ from the manifest of $NAME" "restore another backup with --id; the live database was not touched"
}

# One core loaded the rows; all that the server gives to one query may count them, also where big values are stored
# apart and the table itself looks small.
snapshot() {
  cat <<'SQL'
begin isolation level repeatable read, read only;
set local min_parallel_table_scan_size = 0;
set local parallel_setup_cost = 0;
set local parallel_tuple_cost = 0;
SQL
}

# What is said about the restore, then a line for each difference.
comparison() {
  sql "$MAINTENANCE" -v id="$ID" -v action="$ACTION" -v live="$DATABASE" -v kept="${DATABASE}_before_$ID" <<SQL
create temp view expected as select * from json_to_recordset($MANIFEST->'tables')
  as t(schema text, name text, kind text, rows bigint, checksum text);
create temp view actual as select t.* from regexp_split_to_table($(literal "$(<"$RUN/tables.json")"), e'\n') as line,
  json_to_record(line::json) as t(schema text, name text, kind text, rows bigint, checksum text);
select json_build_object('id', :'id', 'action', :'action', 'tables', count(*) filter (where kind <> 'large objects'),
  'rows', coalesce(sum(rows) filter (where kind = 'table'), 0), 'mismatches', 0, 'kept',
  case when :'action' = 'restored' and exists (select from pg_database where datname = :'live') then :'kept' end)
from expected;
select format('%I.%I ', coalesce(e.schema, a.schema), coalesce(e.name, a.name)) || case
  when a.kind is null then 'is missing' when e.kind is null then 'is not in the manifest'
  when a.kind <> e.kind then format('is a %s instead of a %s', a.kind, e.kind)
  when a.rows is distinct from e.rows then format('has %s rows instead of %s', a.rows, e.rows)
  else 'has the same number of rows, with other content' end
from expected e full join actual a using (schema, name)
where (e.kind, e.rows, e.checksum) is distinct from (a.kind, a.rows, a.checksum);
SQL
}

# A drill's configuration says when it began, as seconds since 1970, and how many seconds old the snapshot was then.
note_verified() {
  local by=$PROGRAM seconds drilled=''
  [[ -z $DRILL_STARTED ]] || STARTED=$DRILL_STARTED by=drill
  seconds=$(seconds_since_start)
  [[ -z $DRILL_STARTED ]] || drilled=", \"rpo_seconds\": $DRILL_RPO, \"rto_seconds\": $seconds, \"stand_in_locale\": \"$STAND_IN_LOCALE\""
  SUMMARY="${SUMMARY%\}}$drilled}"
  clean_up
  trap '' HUP INT TERM # what is noted must not be called interrupted
  printf '{"id": "%s", "verified_at": "%(%FT%TZ)T", "by": "%s on %s", "seconds": %s%s}\n' \
    "$ID" -1 "$by" "$HOSTNAME" "$seconds" "$drilled" >"$RUN/verified.json"
  "${AWS[@]}" s3api put-object --bucket "$BACKUP_BUCKET" --key "$PREFIX/verified.json" --body "$RUN/verified.json" \
    --content-type application/json >/dev/null || fail 1 "the backup is good, but verified.json cannot be written" "the lines above say why"
}

main "$@"
