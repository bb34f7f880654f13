mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_resource "aws_s3_bucket" {
    defaults = { region = "eu-west-3" }
  }
}

variables {
  bucket_suffix = "ppr"
}

run "unfinished_uploads_are_aborted" {
  command = plan

  assert {
    condition = anytrue([
      for rule in aws_s3_bucket_lifecycle_configuration.backups.rule :
      rule.status == "Enabled" && try(rule.abort_incomplete_multipart_upload[0].days_after_initiation > 0, false)
    ])
    error_message = "unfinished multipart uploads stay, and are paid for, for ever"
  }
}

run "replaced_and_deleted_versions_go_after_30_days" {
  command = plan

  assert {
    condition = anytrue([
      for rule in aws_s3_bucket_lifecycle_configuration.backups.rule :
      rule.status == "Enabled" && try(rule.noncurrent_version_expiration[0].noncurrent_days == 30, false)
    ])
    error_message = "no enabled rule expires noncurrent versions after 30 days"
  }
}

run "delete_markers_over_nothing_go_too" {
  command = plan

  assert {
    condition = anytrue([
      for rule in aws_s3_bucket_lifecycle_configuration.backups.rule :
      rule.status == "Enabled" && try(rule.expiration[0].expired_object_delete_marker, false)
    ])
    error_message = "expired delete markers pile up"
  }
}

run "no_rule_ever_expires_a_current_object" {
  command = plan

  assert {
    # A plan does not tell unset days from days yet to be filled in; the text does.
    condition = alltrue([
      for rule in aws_s3_bucket_lifecycle_configuration.backups.rule :
      alltrue(rule.expiration[*].expired_object_delete_marker)
    ]) && !can(regex("(?m)^\\s*(days|date)\\s*=", file("${path.module}/s3.tf")))
    error_message = "a lifecycle rule deletes backups that the script wants to keep"
  }
}
