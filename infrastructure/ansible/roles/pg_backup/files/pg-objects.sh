# shellcheck shell=bash
# The part of restore-pg-latest.sh that brings roles, database and attachments back from S3.
# shellcheck disable=SC2034,SC2153 # the variables are of restore-pg-latest.sh

# fetch OBJECT COMMAND: the command reads the content; what it prints is in OUTPUT. The SHA-256 is taken over all of
# the object, whatever the command makes of it: "tee -p" goes on when the decompressor has given up.
fetch() {
  local object=$1 command=$2 pipe output reader download consumer downloaded=0 consumed=0
  mkfifo "$RUN/$object" "$RUN/$object.output"
  exec {pipe}<>"$RUN/$object" {output}<>"$RUN/$object.output"
  "${AWS[@]}" s3 cp "s3://$BUCKET/${KEY[$object]}" - --only-show-errors >"$RUN/$object" {pipe}>&- {output}>&- &
  download=$!
  CHILDREN+=("$download")
  consume "$object" "$command" <"$RUN/$object" >"$RUN/$object.output" {pipe}>&- {output}>&- &
  consumer=$!
  exec {reader}<"$RUN/$object.output" {pipe}>&- {output}>&-
  mapfile -d '' OUTPUT <&"$reader"
  exec {reader}<&-
  wait "$download" || downloaded=$?
  wait "$consumer" || consumed=$?
  CHILDREN=()
  ((downloaded == 0)) || fail 1 "${KEY[$object]} cannot be downloaded" "check that it exists, the network, and the role of this machine"
  [[ $(cut -c1-64 "$RUN/$object.sha256") == "${SHA256[$object]}" ]] ||
    fail 4 "${KEY[$object]} is not what was uploaded, its SHA-256 differs" "restore an older backup with --id, or bring back the object's earlier version"
  ((consumed == 0)) || fail 1 "the $object of $NAME cannot be restored" "the lines above say why"
}

consume() {
  {
    { tee -p /dev/fd/3 | "${CODEC[$1]}" -dc | "$2" >&4; } 3>&1 | sha256sum >"$RUN/$1.sha256"
  } 4>&1
}

# section NAME: a part of the globals. They pass by a pipe: they hold password hashes, which belong on no disk.
section() {
  printf '%s\n' "$GLOBALS" | awk -v name="$1" 'BEGIN { now = "roles" } sub(/^-- quickdata: /, "") { now = $0; next } now == name'
}

# stored_sql DATABASE [psql options]: SQL that lay in S3, on standard input. Whoever can write there must not get a
# shell here by a backslash command: psql refuses them all until it is told the key.
stored_sql() {
  { printf '\\restrict %s%s\n' "$(random_id)" "$(random_id)" && cat; } | sql "$@"
}

# Missing roles are created, existing ones never altered: an old backup must not undo a password rotation.
# To verify, a name is enough, because it owns things; it cannot log in, and goes at the end.
restore_roles() {
  local existing
  fetch globals cat
  GLOBALS=${OUTPUT[0]:-}
  existing=$(sql "$MAINTENANCE" <<<'select quote_ident(rolname) from pg_roles')
  NEW_ROLES=$(section roles | sed -n 's/^CREATE ROLE \(.*\);$/\1/p' | sort | comm -13 <(sort <<<"$existing") -)
  [[ -n $NEW_ROLES ]] || return 0
  log "creating the missing roles $(paste -sd ' ' <<<"$NEW_ROLES")"
  if [[ $ACTION == verified ]]; then for_each_role 'create role'; else role_statements; fi |
    stored_sql "$MAINTENANCE" --single-transaction >/dev/null || fail 1 "roles cannot be created" "the lines above say why"
}

for_each_role() {
  local role
  while read -r role; do printf '%s %s;\n' "$1" "$role"; done <<<"$NEW_ROLES"
}

role_statements() {
  section roles | NEW_ROLES=$NEW_ROLES awk '
    function concerns(role) {
      return index($0, "CREATE ROLE " role ";") == 1 || index($0, "ALTER ROLE " role " ") == 1 ||
        /^GRANT / && (index($0, " TO " role " ") || index($0, "GRANT " role " TO ") == 1)
    }
    BEGIN { count = split(ENVIRON["NEW_ROLES"], roles, "\n") }
    { for (i = 1; i <= count; i++) if (concerns(roles[i])) { print; next } }'
}

# Settings, grants and owner belong to the database, not to its name: they come along with the swap.
restore_scratch() {
  SCRATCH=${DATABASE}_restore_$ID
  create_scratch || fail 1 "the scratch database cannot be created" "the lines above say why"
  fetch dump load
  section settings | stored_sql "$MAINTENANCE" -v target="$SCRATCH" --single-transaction ||
    fail 1 "the settings and grants of the database cannot be restored" "the lines above say why"
}

# The machine of a drill need not have the node's locales: another one orders the same rows differently.
create_scratch() {
  local locale="s/ lc_(collate|ctype) '[^']*'/ lc_\\1 'C.UTF-8'/g"
  section create | stored_sql "$MAINTENANCE" -v target="$SCRATCH" && return
  [[ -n $DRILL_STARTED ]] || return
  log "the throwaway server refuses the database's locale: C.UTF-8 stands in"
  section create | sed -E "$locale" | stored_sql "$MAINTENANCE" -v target="$SCRATCH" && STAND_IN_LOCALE=C.UTF-8
}

# Asynchronous commits lose nothing here: the swap's own commit is synchronous, and flushes all before it.
load() {
  local name=${SCRATCH//\\/\\\\}
  PGOPTIONS='-c synchronous_commit=off' "${PG[@]}" pg_restore --no-password --exit-on-error --no-tablespaces \
    --dbname="dbname='${name//\'/\\\'}'"
}

restore_attachments() {
  [[ -n ${KEY[attachments]:-} ]] || return 0
  if [[ $ACTION == verified ]]; then
    fetch attachments read_archive
  elif [[ -n $ATTACHMENTS_DIR ]]; then
    UNPACKED=$ATTACHMENTS_DIR.restore_$ID
    rm -rf "$UNPACKED" && mkdir -p "$UNPACKED"
    check_attachments_room
    fetch attachments unpack
  else
    log "warning: the backup has attachments, but ATTACHMENTS_DIR is not set: they are not restored"
  fi
}

# Not before the database is back, which may be on the same file system.
check_attachments_room() {
  local free needed=${BYTES[attachments]}
  free=$(df -Pk "$UNPACKED" | free_bytes)
  ((free > needed)) || fail 1 "the attachments need $needed bytes beside the live ones, $free are free in ${ATTACHMENTS_DIR%/*}" \
    "make room, for example by removing an old $ATTACHMENTS_DIR.before_ directory"
}

read_archive() {
  tar --list >/dev/null
}

unpack() {
  tar --extract --numeric-owner --preserve-permissions --directory "$UNPACKED"
}
