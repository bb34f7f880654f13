# shellcheck shell=bash
# The part of restore-pg-latest.sh that puts what was restored and compared in the place of what is live.
# shellcheck disable=SC2034,SC2153 # the variables are of restore-pg-latest.sh

# Nothing stops it halfway. The attachments go first, because they can go back: the databases' swap is one transaction.
# What was live before goes last.
swap() {
  trap '' HUP INT TERM
  swap_attachments || undo_swap "the attachments"
  swap_databases || undo_swap "the databases"
  SCRATCH='' NEW_ROLES=()
  log "$DATABASE is restored"
  keep_attachments || fail 1 "the restore stands, but older attachments beside $ATTACHMENTS_DIR cannot be removed" "remove them by hand"
  drop_databases "${DATABASE}_before_" '[0-9a-f]{8}' "${DATABASE}_before_$ID" ||
    fail 1 "the restore stands, but an older ${DATABASE}_before_ database cannot be dropped" "drop it by hand, its subscriptions first"
}

undo_swap() {
  undo_attachments || { UNPACKED='' && fail 1 "$1 cannot be swapped; the live database is as it was, its attachments are in $ASIDE" \
    "move those back into $ATTACHMENTS_DIR by hand"; }
  fail 1 "$1 cannot be swapped, all that is live is as it was" "the lines above say why"
}

# One transaction with the renames, while a second session ends whoever is connected or connects again.
swap_databases() {
  local names=(-v live="$DATABASE" -v scratch="$SCRATCH" -v kept="${DATABASE}_before_$ID" -v spare="${DATABASE}_before_$(random_id)")
  disconnect_clients "${names[@]}" &
  sql "$MAINTENANCE" "${names[@]}" <<SQL
begin;
select format('alter database %I rename to %I', datname, :'spare') from pg_database d where datname = :'kept' and $MARKED \gexec
select format('alter database %I rename to %I', :'live', :'kept') where exists (select from pg_database where datname = :'live') \gexec
select format('alter database %I rename to %I', :'scratch', :'live') \gexec
select format('alter database %I reset quickdata.mark', :'live') \gexec
$MARKING where datname in (:'kept', :'spare') \gexec
commit;
SQL
}

# Ends by itself when the scratch database has got its new name; after half a minute (a rename waits 5 s for others to
# go) also when a kill took the swap: it must not go on for ever, ending everybody's sessions.
disconnect_clients() {
  sql "$MAINTENANCE" "$@" >/dev/null <<'SQL'
select (select count(pg_terminate_backend(pid)) from pg_stat_activity where datname in (:'live', :'scratch', :'kept'))
where exists (select from pg_database where datname = :'scratch') \watch interval=0.05 min_rows=1 count=600
SQL
}

# Entry by entry: the directory itself is mounted into NocoDB's container, which would go on with the old one.
swap_attachments() {
  [[ -n $UNPACKED ]] || return 0
  ASIDE=$ATTACHMENTS_DIR.aside_$ID
  mkdir -p "$ATTACHMENTS_DIR" "$ASIDE" && move_entries "$ATTACHMENTS_DIR" "$ASIDE" && EMPTIED=1 &&
    move_entries "$UNPACKED/files" "$ATTACHMENTS_DIR" && rmdir "$UNPACKED/files"
}

undo_attachments() {
  [[ -d $ASIDE ]] || return 0
  [[ -z $EMPTIED ]] || { mkdir -p "$UNPACKED/files" && move_entries "$ATTACHMENTS_DIR" "$UNPACKED/files"; } || return
  move_entries "$ASIDE" "$ATTACHMENTS_DIR" && rmdir "$ASIDE"
}

move_entries() {
  find "$1" -mindepth 1 -maxdepth 1 -exec mv --no-clobber --target-directory="$2" {} +
}

keep_attachments() {
  local kept=$ATTACHMENTS_DIR.before_$ID
  [[ -n $ASIDE ]] || return 0
  remove_folders "$UNPACKED" "$ATTACHMENTS_DIR".before_???????? && mark_folder "$ASIDE" "$kept" &&
    mv --no-target-directory "$ASIDE" "$kept"
}
