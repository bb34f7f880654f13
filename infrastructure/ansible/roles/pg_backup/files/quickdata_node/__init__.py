"""The node's program: takes backups of PostgreSQL into S3, restores them, and watches their age."""
