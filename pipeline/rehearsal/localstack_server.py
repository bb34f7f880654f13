"""Runs LocalStack with its S3 objects in a directory of their own.

LocalStack 4.13 keeps them in one fixed directory below /tmp, which no setting moves: servers that run side
by side would delete each other's objects, and a directory that root has made would lock out everybody else.

    python -P localstack_server.py DIRECTORY
"""

import sys

from localstack.runtime.main import main
from localstack.services.s3 import provider

provider.DEFAULT_S3_TMP_DIR = sys.argv[1]
main()  # type: ignore[no-untyped-call]
