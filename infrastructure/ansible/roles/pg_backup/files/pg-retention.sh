# shellcheck shell=bash
# The part of backup-pg.sh that removes the backups which no rule keeps.
# shellcheck disable=SC2153 # the variables are of backup-pg.sh

prune() {
  local name
  choose_expired
  for name in "${EXPIRED[@]}"; do
    log "removing $name"
    remove "$name" || fail 1 "the backup stands, but $name could not be removed" "the lines above say why; the next run tries again"
  done
}

# The manifest goes first: what is half removed must not look like a backup. What else somebody keeps there stays.
remove() {
  "${AWS[@]}" s3 rm --only-show-errors "s3://$BACKUP_BUCKET/postgres/$DATABASE/$1/manifest.json" &&
    "${AWS[@]}" s3 rm --only-show-errors --recursive "s3://$BACKUP_BUCKET/postgres/$DATABASE/$1/" --exclude '*' \
      --include={verified.json,{dump,globals.sql,attachments.tar}.{zst,gz}}
}

# Kept: the newest backup of each of the last KEEP_DAILY days and KEEP_WEEKLY weeks that have one (a day without
# a backup does not count, so failing backups remove nothing), the newest verified one, and all of the last 24 hours:
# a backup of damaged data must not push out the good one that was taken an hour before it.
choose_expired() {
  local name day week complete yesterday newest_verified
  local -A days=() weeks=() finished=()
  EXPIRED=()
  yesterday=$(date -d '24 hours ago' +%Y%m%dT%H%M%SZ)
  complete=$({ names manifest.json <<<"$LISTING" && printf '%s\n' "$NAME"; } | sort -r)
  newest_verified=$(names verified.json <<<"$LISTING" | sort -r | grep -Fx -f <(printf '%s\n' "$complete")) || newest_verified=none
  newest_verified=${newest_verified%%$'\n'*}
  for name in $complete; do
    day=${name:0:8}
    week=$(date -d "$day" +%G-%V) ||
      fail 1 "the backup stands, but $name bears no day of the calendar" "remove it, none of these scripts wrote it"
    finished[$name]=1
    if [[ $name < $yesterday && $name != "$newest_verified" ]] &&
      [[ -n ${days[$day]:-} || ${#days[@]} -ge $KEEP_DAILY ]] &&
      [[ -n ${weeks[$week]:-} || ${#weeks[@]} -ge $KEEP_WEEKLY ]]; then
      EXPIRED+=("$name")
    fi
    days[$day]=1 weeks[$week]=1
  done
  for name in $(names '@(verified.json|@(dump|globals.sql|attachments.tar).@(zst|gz))' <<<"$LISTING" | sort -u); do
    [[ -n ${finished[$name]:-} || ! $name < $yesterday ]] || EXPIRED+=("$name")
  done
}
