#!/usr/bin/env bash
# Calls the ON_FAILURE command when the newest backup is too old, or when its age cannot be told: whatever kept the
# backup from being taken (no cron, a run that hangs, a full disk) did not call it. Takes no lock, writes no file.

here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
# shellcheck source=pg-common.sh
source "$here/pg-common.sh" || exit 1

MOST_AHEAD=900 # seconds; S3 refuses a request whose clock differs more

usage() {
  cat <<'TEXT'
Usage: check-backup-age.sh --config FILE

Says nothing when the newest backup is no older than MAX_AGE_HOURS of the configuration.
Exit codes: 0 young enough, 1 too old or nobody can tell, 2 wrong configuration or arguments.
TEXT
}

main() {
  parse "$@"
  load_configuration "$CONFIG"
  [[ ${MAX_AGE_HOURS:-} =~ ^[1-9][0-9]{0,4}$ ]] ||
    fail 2 "configuration $CONFIG: MAX_AGE_HOURS is not a number of hours" "run backup.yml"
  find_newest
  compare_age
}

find_newest() {
  NEWEST=$(times | sort | tail -n 1) ||
    fail 1 "nobody can tell how old the newest backup of $DATABASE is: s3://$BACKUP_BUCKET cannot be listed" \
      "check the network, BACKUP_BUCKET, AWS_REGION and the role of this machine"
  [[ -n $NEWEST ]] || fail 1 "s3://$BACKUP_BUCKET holds no backup of $DATABASE" "$(what_to_do)"
}

# When each backup was taken, as YYYYMMDDHHMMSS. A name bears a time that this machine's clock told, S3 knows when the
# manifest was written: the older of the two counts, so that neither a wrong clock nor a copy makes a backup young.
times() {
  local root=postgres/$DATABASE/ written key name taken
  "${AWS[@]}" s3api list-objects-v2 --bucket "$BACKUP_BUCKET" --prefix "$root" \
    --query 'Contents[].[LastModified, Key]' --output text |
    while read -r written key; do
      name=${key#"$root"} && name=${name%/manifest.json}
      [[ $key == "$root$name/manifest.json" && $name =~ $BACKUP_NAME ]] || continue
      written=${written//[!0-9]/} && written=${written:0:14}
      taken=${name:0:8}${name:9:6}
      if [[ $taken < $written ]]; then printf '%s\n' "$taken"; else printf '%s\n' "$written"; fi
    done
}

compare_age() {
  local taken age
  taken=$(date -d "${NEWEST:0:8} ${NEWEST:8:2}:${NEWEST:10:2}:${NEWEST:12}" +%s) ||
    fail 1 "nobody can tell how old the newest backup of $DATABASE is: its time is $NEWEST" "look at the names of the backups"
  age=$((EPOCHSECONDS - taken))
  ((age > -MOST_AHEAD)) || fail 1 "nobody can tell how old the newest backup of $DATABASE is: it is of a time to come" \
    "set the clock of this machine right"
  ((age <= MAX_AGE_HOURS * 3600)) ||
    fail 1 "the newest backup of $DATABASE is $((age / 3600)) hours old, and may be $MAX_AGE_HOURS" "$(what_to_do)"
}

what_to_do() {
  local last='none yet'
  [[ ! -s $LOCK_FILE ]] || last=$(<"$LOCK_FILE")
  printf 'look at the log of the backups and at the last run (%s); end it if it hangs, make room if the disk is full, %s' \
    "$last" "start cron if it is not there, then run backup-pg.sh"
}

main "$@"
