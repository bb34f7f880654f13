"""The backups in the bucket, and the steps that take, verify, restore and drill them."""
