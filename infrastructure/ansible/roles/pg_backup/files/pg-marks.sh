# shellcheck shell=bash
# What backup-pg.sh and restore-pg-latest.sh made themselves, and may remove again: only what bears their mark.
# shellcheck disable=SC2153 # the variables are of those two

# This file in a folder has the folder's name: neither a copy nor a folder that only looks like ours is ours.
MARK=.quickdata-mark

# mark_folder FOLDER [NAME]: as ours, once it has that name.
mark_folder() {
  local name=${2:-$1}
  printf '%s\n' "${name##*/}" >"$1/$MARK"
}

is_marked() {
  [[ -d $1 && ! -L $1 && -f $1/$MARK && $(<"$1/$MARK") == "${1##*/}" ]]
}

# remove_folders FOLDER...: those that bear their mark, which goes last: what a killed run left of one is still ours. What
# has none is somebody's, or was left by a run that was killed before it could mark it: it stays.
remove_folders() {
  local folder
  for folder in "$@"; do
    if is_marked "$folder"; then
      log "removing $folder"
      find "$folder" -mindepth 1 -maxdepth 1 ! -name "$MARK" -exec rm -rf {} + && rm -rf "$folder" || return
    elif [[ -e $folder ]]; then
      log "kept $folder: these scripts did not mark it as theirs. If nobody needs it: rm -rf ${folder@Q}"
    fi
  done
}

# --- databases that a restore makes ---------------------------------------------------------------

# A database that a restore made bears its very name and number in a setting of its own. No copy has the same, a dump
# leaves it out, and its comment is its owner's.
MARKED="exists (select from pg_db_role_setting, unnest(setconfig) as setting where setdatabase = d.oid and setrole = 0
  and setting = format('quickdata.mark=%s %s', datname, d.oid))"
MARKING="select format('alter database %I set quickdata.mark to %L', datname, format('%s %s', datname, oid)) from pg_database"

mark_database() {
  sql "$MAINTENANCE" -v scratch="$SCRATCH" <<<"$MARKING where datname = :'scratch' \gexec"
}

# drop_databases PREFIX [PATTERN [EXCEPT]]: those called by the prefix and the pattern, to the letter, that bear their mark.
# What has none is somebody's, or was left by a run that was killed before it could mark it: it stays.
drop_databases() {
  local names=(-v prefix="$1" -v pattern="${2:-}" -v except="${3:-}")
  local called="starts_with(datname, :'prefix') and substr(datname, length(:'prefix') + 1) ~ ('^' || :'pattern' || '\$') and datname <> :'except'"
  sql "$MAINTENANCE" "${names[@]}" <<SQL | log_lines || return
select case when $MARKED then format('dropping the database %I', datname) else format(
  'kept the database %I: these scripts did not mark it as theirs. If nobody needs it, in psql: drop database %I;', datname, datname) end
from pg_database d where $called order by datname;
SQL
  sql "$MAINTENANCE" "${names[@]}" <<SQL
set client_min_messages = warning;
select format('drop database %I with (force)', datname) from pg_database d where $called and $MARKED \gexec
SQL
}

log_lines() {
  local line
  while IFS= read -r line; do log "$line"; done
}

# What has a name that this restore needs, and not its mark, is somebody's.
check_names() {
  local kept=${DATABASE}_before_$ID taken folder
  [[ $ACTION == restored ]] || kept=''
  taken=$(sql "$MAINTENANCE" -v scratch="${DATABASE}_restore_$ID" -v kept="$kept" <<<"select format('%I', datname)
    from pg_database d where datname in (:'scratch', :'kept') and not $MARKED limit 1") ||
    fail 1 "the databases cannot be listed" "the lines above say why"
  [[ -z $taken ]] || fail 1 "a database called $taken is in the way, and no restore marked it as its own" \
    "rename it (alter database $taken rename to NEW_NAME;), or drop it if nobody needs it"
  [[ -n $ATTACHMENTS_DIR && $ACTION == restored ]] || return 0
  for folder in "$ATTACHMENTS_DIR".{restore,before}_"$ID"; do
    [[ ! -e $folder ]] || is_marked "$folder" ||
      fail 1 "$folder is in the way, and no restore marked it as its own" "move it: mv -T ${folder@Q} ${folder@Q}.old"
  done
}
