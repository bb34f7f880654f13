# PostgreSQL's image with pgBackRest, from the package source that the image has already.
ARG BASE
FROM ${BASE}
# The image has no certificates of authorities, and pgBackRest trusts nobody without them.
# The spool holds acknowledgements only. Without them, pgBackRest asks the bucket again.
RUN apt-get update -qq && apt-get install -qq --no-install-recommends ca-certificates pgbackrest \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* \
 && install -d -o postgres -g postgres -m 750 /var/spool/pgbackrest \
 && test -s /etc/ssl/certs/ca-certificates.crt \
 && dpkg --compare-versions "$(dpkg-query --show --showformat='${Version}' pgbackrest)" ge 2.58
