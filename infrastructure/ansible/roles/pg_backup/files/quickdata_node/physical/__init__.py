"""Physical backups: the server's files and its WAL, kept by pgBackRest in the same bucket."""
