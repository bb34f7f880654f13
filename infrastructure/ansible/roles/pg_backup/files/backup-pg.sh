#!/usr/bin/env bash
# Takes one backup of one database into S3, then removes the backups that no rule keeps.
# A backup exists when its manifest does, and the manifest is written last.

here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
# shellcheck source=pg-common.sh
source "$here/pg-common.sh" || exit 1
# shellcheck source=pg-marks.sh
source "$here/pg-marks.sh" || exit 1
# shellcheck source=pg-fingerprints.sh
source "$here/pg-fingerprints.sh" || exit 1
# shellcheck source=pg-retention.sh
source "$here/pg-retention.sh" || exit 1

usage() {
  cat <<'TEXT'
Usage: backup-pg.sh --config FILE

Writes one JSON line about the backup to standard output, the log to standard error.
Exit codes: 0 done, 1 failed, 2 wrong configuration or arguments.
TEXT
}

main() {
  parse "$@"
  load_configuration "$CONFIG"
  take_lock
  check_attachments
  find_server
  name_backup
  open_snapshot
  upload
  publish
  prune
}

# A file that goes while du looks at it (exit code 1) is not a failure.
check_attachments() {
  ATTACHMENTS_BYTES=''
  [[ -n $ATTACHMENTS_DIR ]] || return 0
  [[ -d $ATTACHMENTS_DIR ]] || fail 1 "ATTACHMENTS_DIR $ATTACHMENTS_DIR is not a directory" "mount it, or correct the configuration"
  check_aside
  ATTACHMENTS_BYTES=$({ du -sb --dereference-args "$ATTACHMENTS_DIR" || (($? == 1)); } | cut -f1)
}

# Names sort in the order of time, even when the clock was set back or a second sees two backups.
name_backup() {
  local now newest taken
  printf -v now '%(%s)T' -1
  printf -v STARTED_AT '%(%FT%TZ)T' "$now"
  LISTING=$(list "$DATABASE") || fail 1 "s3://$BACKUP_BUCKET cannot be listed" "check BACKUP_BUCKET, AWS_REGION and the role of this machine"
  newest=$(names '*' <<<"$LISTING" | sort | tail -n 1)
  if [[ -n $newest ]]; then
    { [[ ${newest:0:4} != 9999 ]] && taken=$(date -d "${newest:0:8} ${newest:9:2}:${newest:11:2}:${newest:13:2}" +%s); } ||
      fail 1 "s3://$BACKUP_BUCKET/postgres/$DATABASE/$newest bears no time that a backup can have" "remove it, none of these scripts wrote it"
    ((taken < now + 60)) || log "warning: the newest backup bears a time to come; is the clock right?"
    now=$((taken < now ? now : taken + 1))
  fi
  ID=$(random_id)
  printf -v NAME '%(%Y%m%dT%H%M%SZ)T-%s' "$now" "$ID"
  PREFIX=postgres/$DATABASE/$NAME
  log "backup $NAME of $DATABASE to s3://$BACKUP_BUCKET/$PREFIX"
}

# One session exports the snapshot which pg_dump reads, and counts in it, beside pg_dump. The group's "cat"
# keeps the session's input open, and with it the snapshot, until $SESSION is closed.
open_snapshot() {
  local answer
  mkfifo "$RUN/ask" "$RUN/answer"
  exec {SESSION}<>"$RUN/ask" {answer}<>"$RUN/answer"
  { snapshot && fingerprints && printf '\\echo end\n' && cat; } <"$RUN/ask" {SESSION}>&- {answer}>&- |
    sql "$DATABASE" -F $'\t' >"$RUN/answer" {SESSION}>&- {answer}>&- &
  COUNTING=$!
  exec {ANSWER}<"$RUN/answer" {answer}>&-
  IFS=$'\t' read -r SNAPSHOT SERVER_VERSION DATABASE_BYTES <&"$ANSWER" ||
    fail 1 "PostgreSQL gave no snapshot of $DATABASE" "check DATABASE, PGUSER and that the server runs"
}

snapshot() {
  cat <<'SQL'
begin isolation level repeatable read, read only;
select pg_export_snapshot(), current_setting('server_version'), pg_database_size(current_database());
SQL
}

# --- upload: every input is held from here until all is known to be well, beside what feeds it -----

upload() {
  local object
  choose_codec
  declare -gA FILE=([dump]=dump.$SUFFIX [globals]=globals.sql.$SUFFIX) UPLOAD=() HELD=() FEED=()
  declare -gA EXPECTED=([dump]=$DATABASE_BYTES [globals]=$DATABASE_BYTES [attachments]=$ATTACHMENTS_BYTES)
  [[ -z $ATTACHMENTS_DIR ]] || FILE[attachments]=attachments.tar.$SUFFIX
  for object in "${!FILE[@]}"; do start_upload "$object"; done
  for object in "${!FILE[@]}"; do
    feed "$object" {SESSION}>&- &
    FEED[$object]=$!
  done
  read_fingerprints
  for object in "${!FILE[@]}"; do
    wait "${FEED[$object]}" || ended_badly "$object"
  done
  complete_uploads
}

# An upload that gave up takes its input along.
ended_badly() {
  jobs -rp | grep -qx "${UPLOAD[$1]}" || upload_failed "$1"
  fail 1 "the $1 ended badly, nothing was published" "the lines above say why; then run it again"
}

upload_failed() {
  fail 1 "the upload of ${FILE[$1]} failed, nothing was published" "the lines above say why; then run it again"
}

choose_codec() {
  CODEC=zstd SUFFIX=zst COMPRESS=(zstd -q -1 -T0) # -3 takes half as long again for the same size
  if ! command -v zstd >/dev/null; then
    log "zstd is not installed: compressing with gzip, which is slower"
    CODEC=gzip SUFFIX=gz COMPRESS=(gzip -6)
  fi
}

# A later upload inherits the inputs of the earlier ones, so that they are completed in turn, the last one first.
start_upload() {
  local pipe held
  mkfifo "$RUN/$1"
  exec {pipe}<>"$RUN/$1"
  STARTING=1 # an interrupt may come before it is noted
  "${AWS[@]}" s3 cp - "s3://$BACKUP_BUCKET/$PREFIX/${FILE[$1]}" --only-show-errors \
    --expected-size "${EXPECTED[$1]}" <"$RUN/$1" {pipe}>&- {SESSION}>&- &
  UPLOAD[$1]=$!
  CHILDREN+=("$!")
  STARTING=''
  exec {held}>"$RUN/$1" {pipe}>&-
  HELD[$1]=$held
}

# A subshell of its own, started in the background: its exit code says whether all of the object was produced.
feed() {
  {
    { "produce_$1" | "${COMPRESS[@]}" | tee /dev/fd/3 /dev/fd/4 >&"${HELD[$1]}"; } 3>&1 |
      sha256sum >"$RUN/$1.sha256"
  } 4>&1 | wc -c >"$RUN/$1.bytes"
}

produce_dump() {
  PGDATABASE=$DATABASE "${PG[@]}" pg_dump --no-password --format=custom --compress=0 --snapshot="$SNAPSHOT" \
    --lock-wait-timeout=10min --statistics
}

produce_globals() {
  "${PG[@]}" pg_dumpall --no-password --globals-only --database="$MAINTENANCE"
  sql "$DATABASE" <<'SQL'
\echo -- quickdata: create
select format('create database :"target" template template0 encoding %L lc_collate %L lc_ctype %L locale_provider %s',
    pg_encoding_to_char(encoding), datcollate, datctype,
    case datlocprovider when 'c' then 'libc' when 'i' then 'icu' else 'builtin' end)
  || case datlocprovider when 'i' then format(' icu_locale %L', datlocale) when 'b' then format(' builtin_locale %L', datlocale) else '' end
  || coalesce(' icu_rules ' || quote_literal(daticurules), '') || ';'
from pg_database where datname = current_database();
\echo -- quickdata: settings
select format('alter database :"target" owner to %I;', pg_get_userbyid(datdba)) from pg_database where datname = current_database();
select format('alter database :"target" connection limit %s;', datconnlimit) from pg_database where datname = current_database();
select 'comment on database :"target" is ' || quote_literal(shobj_description(oid, 'pg_database')) || ';'
from pg_database where datname = current_database();
-- Each element of a list is a literal, any other value is one: SET FROM CURRENT stores whatever its owner had written.
select format('alter %s :"target" set %I to %s;',
    case setrole when 0 then 'database' else format('role %I in database', pg_get_userbyid(setrole)) end, name,
    case when name in ('search_path', 'temp_tablespaces', 'session_preload_libraries', 'local_preload_libraries') then
      (select coalesce(string_agg(quote_literal(coalesce(replace(element[1], '""', '"'), rtrim(element[2]))), ', '), '''''')
        from regexp_matches(value, '"((?:[^"]|"")*)"|([^,\s][^,]*)', 'g') as element)
    else quote_literal(value) end)
from pg_db_role_setting, unnest(setconfig) as setting,
  lateral (select split_part(setting, '=', 1) as name, substr(setting, strpos(setting, '=') + 1) as value)
where setdatabase = (select oid from pg_database where datname = current_database()) and name <> 'quickdata.mark';
select format('revoke all on database :"target" from public, %I;', pg_get_userbyid(datdba))
from pg_database where datname = current_database() and datacl is not null;
select format('grant %s on database :"target" to %s%s;', privilege_type,
    case grantee when 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end,
    case when is_grantable then ' with grant option' else '' end)
from pg_database, aclexplode(datacl) where datname = current_database();
SQL
}

# A file that grew while it was read (exit code 1) is not a failure: uploads are written once.
produce_attachments() {
  tar --create --numeric-owner --directory "$ATTACHMENTS_DIR" --anchored --exclude="./$MARK" . || (($? == 1))
}

read_fingerprints() {
  local line
  TABLES=()
  while read -r line && [[ $line != end ]]; do TABLES+=("$line"); done <&"$ANSWER"
  [[ ${line:-} == end ]] || fail 1 "the rows could not be counted, nothing was published" "the lines above say why; then run it again"
}

# From here on all is known to have ended well: the snapshot goes, and the inputs end, which completes the uploads.
complete_uploads() {
  local object descriptor
  exec {SESSION}>&-
  SESSION=''
  for descriptor in "${HELD[@]}"; do exec {descriptor}>&-; done
  for object in "${!FILE[@]}"; do
    wait "${UPLOAD[$object]}" || upload_failed "$object"
  done
  CHILDREN=()
  wait "$COUNTING" || fail 1 "the session with the snapshot ended badly, nothing was published" "run it again"
}

# --- manifest ------------------------------------------------------------------------------------

publish() {
  local manifest summary
  { read -r manifest && read -r summary; } < <(manifest) || fail 1 "the manifest could not be made, nothing was published" "the lines above say why; then run it again"
  printf '%s\n' "$manifest" >"$RUN/manifest.json" || fail 1 "the manifest has no room in $STATE_DIR, nothing was published" "make room there"
  trap '' HUP INT TERM # what is there must not be called interrupted; what is left takes seconds
  "${AWS[@]}" s3api put-object --bucket "$BACKUP_BUCKET" --key "$PREFIX/manifest.json" --body "$RUN/manifest.json" \
    --content-type application/json --if-none-match '*' >/dev/null || is_published ||
    fail 1 "the manifest was refused, the backup does not exist" "the lines above say why; then run it again"
  printf '%s, "seconds": %s}\n' "${summary%\}}" "$(seconds_since_start)"
  log "backup $NAME is complete"
}

# A manifest whose answer was lost on the way is refused when awscli sends it again: it is there.
is_published() {
  "${AWS[@]}" s3api get-object --bucket "$BACKUP_BUCKET" --key "$PREFIX/manifest.json" "$RUN/published.json" >/dev/null &&
    cmp --silent "$RUN/manifest.json" "$RUN/published.json" && log "the manifest is there all the same"
}

# Two lines: the manifest, and what is said about the backup. PostgreSQL writes the JSON: no other tool is on
# every node, and it quotes any name rightly.
manifest() {
  local object lines=''
  for object in "${!FILE[@]}"; do
    lines+="$object ${FILE[$object]} $(<"$RUN/$object.bytes") $(cut -c1-64 "$RUN/$object.sha256")"$'\n'
  done
  sql "$MAINTENANCE" -F $'\n' -v id="$ID" -v database="$DATABASE" -v prefix="$PREFIX" -v codec="$CODEC" \
    -v server="$SERVER_VERSION" -v client="$("${PG[@]}" pg_dump --version)" \
    -v started="$STARTED_AT" -v finished="$(date +%FT%TZ)" -v size="$DATABASE_BYTES" -v unpacked="$ATTACHMENTS_BYTES" <<SQL
with objects as (
  select split_part(line, ' ', 1) as object, split_part(line, ' ', 2) as file,
    split_part(line, ' ', 3)::bigint as size, split_part(line, ' ', 4) as sha256
  from regexp_split_to_table($(literal "${lines%$'\n'}"), e'\n') as line
), tables as (
  select line::json as entry from regexp_split_to_table($(literal "$(printf '%s\n' "${TABLES[@]}")"), e'\n') as line
), totals as (
  select (select sum(size) from objects) as bytes, count(*) filter (where entry->>'kind' <> 'large objects') as tables,
    sum((entry->>'rows')::bigint) filter (where entry->>'kind' = 'table') as rows, json_agg(entry) as entries from tables
)
select json_build_object('format', 1, 'id', :'id', 'database', :'database',
  'server_version', :'server', 'client_version', :'client', 'started_at', :'started', 'finished_at', :'finished',
  'database_bytes', :size, 'objects', (select json_object_agg(object, json_strip_nulls(json_build_object(
    'key', :'prefix' || '/' || file, 'size', size, 'sha256', sha256, 'codec', :'codec',
    'unpacked', case object when 'attachments' then nullif(:'unpacked', '')::bigint end))) from objects),
  'totals', json_build_object('tables', tables, 'rows', coalesce(rows, 0), 'bytes', bytes), 'tables', entries),
  json_build_object('id', :'id', 'prefix', :'prefix', 'bytes', bytes, 'tables', tables, 'rows', coalesce(rows, 0))
from totals;
SQL
}

main "$@"
