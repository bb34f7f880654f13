mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_resource "aws_s3_bucket" {
    defaults = { region = "eu-west-3" }
  }
}

variables {
  bucket_suffix = "PPR"
}

run "the_bucket_is_named_after_the_lowered_suffix" {
  command = plan

  assert {
    condition     = aws_s3_bucket.backups.bucket == "quickdata-pg-backups-storage-bucket-ppr"
    error_message = "bucket is named ${aws_s3_bucket.backups.bucket}"
  }
}

run "a_bucket_with_objects_is_not_emptied_to_be_destroyed" {
  command = plan

  assert {
    condition     = aws_s3_bucket.backups.force_destroy == false
    error_message = "force_destroy would delete every backup"
  }
}

run "all_public_access_is_blocked" {
  command = plan

  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.backups.block_public_acls,
      aws_s3_bucket_public_access_block.backups.block_public_policy,
      aws_s3_bucket_public_access_block.backups.ignore_public_acls,
      aws_s3_bucket_public_access_block.backups.restrict_public_buckets,
    ])
    error_message = "at least one public access block is off"
  }
}

run "the_owner_of_the_bucket_owns_every_object" {
  command = plan

  assert {
    condition     = aws_s3_bucket_ownership_controls.backups.rule[0].object_ownership == "BucketOwnerEnforced"
    error_message = "ACLs are not disabled"
  }
}

run "a_deleted_object_can_be_brought_back" {
  command = plan

  assert {
    condition     = aws_s3_bucket_versioning.backups.versioning_configuration[0].status == "Enabled"
    error_message = "versioning is off"
  }
}

run "objects_are_encrypted_with_s3s_own_key" {
  command = plan

  assert {
    condition = [
      for rule in aws_s3_bucket_server_side_encryption_configuration.backups.rule :
      rule.apply_server_side_encryption_by_default[0].sse_algorithm
    ] == ["AES256"]
    error_message = "SSE-S3 is not the default encryption"
  }
}

run "no_resource_of_storage_can_be_destroyed_alone" {
  command = plan

  assert {
    # A plan does not tell what is protected; the text does.
    condition = [
      for file in fileset(path.module, "*.tf") : file
      if length(regexall("(?m)^resource ", file("${path.module}/${file}"))) !=
      length(regexall("\\bprevent_destroy = true\\b", file("${path.module}/${file}")))
    ] == []
    error_message = "a resource has no prevent_destroy: -exclude or -target of the bucket would take it"
  }
}

run "a_malformed_region_is_refused" {
  command = plan
  variables { region = "Paris" }
  expect_failures = [var.region]
}
