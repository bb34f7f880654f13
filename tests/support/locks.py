"""What OpenTofu and Terraform say of a state that is locked."""

OF_THE_TOOL = """Error: Error acquiring the state lock

Error message: {}
Lock Info:
  ID:        123-4
  Path:      p
  Operation: OperationTypeApply
  Who:       me@host
  Version:   1.11.4
  Created:   2026-11-23 10:00:00.123456789 +0000 UTC
  Info:

"""
