# shellcheck shell=bash
# The part of restore-pg-latest.sh that brings roles, database and attachments back from S3.
# shellcheck disable=SC2034,SC2153 # the variables are of restore-pg-latest.sh

IDENTIFIER='("([^"]|"")+"|[^" ;]+)' # as pg_dumpall writes it

# fetch OBJECT COMMAND: the command reads the content; what it prints is in OUTPUT. The SHA-256 is taken over all of
# the object, whatever the command makes of it: "tee -p" goes on when the decompressor has given up.
fetch() {
  local object=$1 command=$2 pipe output reader download consumer downloaded=0 consumed=0
  mkfifo "$RUN/$object" "$RUN/$object.output"
  exec {pipe}<>"$RUN/$object" {output}<>"$RUN/$object.output"
  "${AWS[@]}" s3 cp "s3://$BACKUP_BUCKET/${KEY[$object]}" - --only-show-errors >"$RUN/$object" {pipe}>&- {output}>&- &
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

# statements NAME: those of a part of the globals, each with a NUL behind it. Only where a statement may begin is a line
# a mark, a comment or psql's own: a comment on the database is anybody's text. They pass by pipes: they hold password
# hashes, which belong on no disk.
statements() {
  printf '%s\n' "$GLOBALS" | awk -v name="$1" -v apostrophe="'" '
    BEGIN {
      now = "roles"
      whole = "^([^;\"" apostrophe "]|\"[^\"]*\"|" apostrophe "[^" apostrophe "]*" apostrophe ")*;\n$"
    }
    statement == "" && sub(/^-- quickdata: /, "") { now = $0; next }
    statement == "" && /^(--|$)/ { next }
    { statement = statement $0 "\n" }
    statement ~ whole || statement ~ /^\\[^\n]*\n$/ {
      if (now == name) printf "%s%c", statement, 0
      statement = ""
    }
    END { exit statement != "" }'
}

section() {
  statements "$1" | tr -d '\0'
}

# stored_sql DATABASE [psql options]: SQL that lay in S3, on standard input. Whoever can write there must not get a
# shell here by a backslash command: psql refuses them all until it is told the key.
stored_sql() {
  { printf '\\restrict %s%s\n' "$(random_id)" "$(random_id)" && cat; } | sql "$@"
}

# Missing roles are created, existing ones never altered: an old backup must not undo a password rotation.
# To verify, a name is enough, because it owns things; it cannot log in, and goes at the end.
restore_roles() {
  local missing
  fetch globals cat
  GLOBALS=${OUTPUT[0]:-}
  statements all >/dev/null || fail 1 "the globals of $NAME cannot be understood" "restore another backup with --id"
  find_new_roles
  ((${#NEW_ROLES[@]} > 0)) || return 0
  missing=${!NEW_ROLES[*]}
  log "creating the missing roles ${missing//[[:cntrl:]]/ }"
  if [[ $ACTION == verified ]]; then rehearsed_roles; else role_statements; fi |
    stored_sql "$MAINTENANCE" --single-transaction >/dev/null ||
    { NEW_ROLES=() && fail 1 "roles cannot be created" "the lines above say why"; }
}

find_new_roles() {
  local name statement
  local -A existing=()
  declare -gA NEW_ROLES=()
  sql "$MAINTENANCE" --record-separator-zero <<<'select quote_ident(rolname) from pg_roles' >"$RUN/existing" ||
    fail 1 "the roles that are there cannot be listed" "the lines above say why"
  while IFS= read -r -d '' name; do existing[$name]=1; done <"$RUN/existing"
  while IFS= read -r -d '' statement; do
    [[ $statement =~ ^CREATE\ ROLE\ $IDENTIFIER ]] || continue
    name=${BASH_REMATCH[1]}
    [[ -n ${existing[$name]:-} ]] || NEW_ROLES[$name]=1
  done < <(statements roles)
}

# All that a restore would run is tried, and taken back.
rehearsed_roles() {
  printf 'savepoint none;\n'
  role_statements
  printf 'rollback to none;\n'
  for_each_role 'create role'
}

# Only when they were made here: had it failed, a role of that name would be somebody's.
drop_roles() {
  local made=${!NEW_ROLES[*]}
  log "dropping the roles that were made for this restore: ${made//[[:cntrl:]]/ }"
  for_each_role 'drop role if exists' | stored_sql "$MAINTENANCE"
}

for_each_role() {
  local role
  for role in "${!NEW_ROLES[@]}"; do printf '%s %s;\n' "$1" "$role"; done
}

# What makes the missing roles: attributes, settings, comments, memberships, and grants on parameters.
role_statements() {
  local statement
  while IFS= read -r -d '' statement; do
    if [[ $statement =~ ^[A-Z\ ]+\ ROLE\ $IDENTIFIER || $statement =~ ^GRANT\ $IDENTIFIER\ TO\ $IDENTIFIER ||
      $statement =~ ^GRANT\ [A-Z,\ ]+\ ON\ PARAMETER\ $IDENTIFIER\ TO\ $IDENTIFIER ]] &&
      [[ -n ${NEW_ROLES[${BASH_REMATCH[1]}]:-}${NEW_ROLES[${BASH_REMATCH[3]:-none}]:-} ]]; then
      printf '%s' "$statement"
    fi
  done < <(statements roles)
}

# Settings, grants and owner belong to the database, not to its name: they come along with the swap.
restore_scratch() {
  SCRATCH=${DATABASE}_restore_$ID
  { create_scratch && mark_database; } || fail 1 "the scratch database cannot be created" "the lines above say why"
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
# A subscription would keep the scratch database from being dropped, and take another one's changes after the swap.
load() {
  local name=${SCRATCH//\\/\\\\}
  PGOPTIONS="$PGOPTIONS -c synchronous_commit=off" "${PG[@]}" pg_restore --no-password --exit-on-error --no-tablespaces \
    --no-subscriptions --dbname="dbname='${name//\'/\\\'}'"
}

restore_attachments() {
  [[ -n ${KEY[attachments]:-} ]] || return 0
  if [[ $ACTION == verified ]]; then
    fetch attachments read_archive
  elif [[ -n $ATTACHMENTS_DIR ]]; then
    UNPACKED=$ATTACHMENTS_DIR.restore_$ID
    mkdir -p "${UNPACKED%/*}"
    mkdir "$UNPACKED"
    mark_folder "$UNPACKED"
    mkdir "$UNPACKED/files"
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
  tar --extract --numeric-owner --preserve-permissions --directory "$UNPACKED/files"
}
