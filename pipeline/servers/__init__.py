"""Throwaway servers: PostgreSQL and LocalStack."""
