"""The database's container with pgBackRest: the paths and names that its parts share.

The role `nocodb` writes pgBackRest's configuration on the node with these values; a test compares them.
"""

STANZA = "quickdata"
"""pgBackRest's name for the cluster."""
REPOSITORY = "/postgres/pgbackrest"
"""The repository's path in the bucket. The container's keys reach nothing else there."""
PREFIX = "postgres/pgbackrest/"
"""The prefix of the repository's keys."""
DATABASE = PREFIX.split("/")[1]
"""The name that no database with physical backups may have: its folder would be the repository."""
USER = "postgres"
"""The user who runs PostgreSQL and pgBackRest in the container."""
CONFIG_DIRECTORY = "/etc/pgbackrest"
"""The folder with pgbackrest.conf in the container; it is `CONFIG_ON_NODE`, read-only."""
CONFIG_ON_NODE = "/opt/quickdata/pgbackrest"
KEYS_DIRECTORY = "/run/pgbackrest-keys"
"""The folder with the temporary keys in the container; it is `KEYS_ON_NODE`, read-only."""
KEYS_ON_NODE = "/run/quickdata/pgbackrest"
KEYS = "keys.json"
DATA = "/var/lib/postgresql"
"""The data's volume in the container. It holds the cluster, in 18/docker."""
