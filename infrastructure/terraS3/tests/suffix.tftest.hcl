mock_provider "aws" {
  mock_resource "aws_s3_bucket" {
    defaults = { region = "eu-west-3" }
  }
}

run "a_suffix_of_27_characters_fills_the_63_that_s3_allows" {
  command = plan
  variables { bucket_suffix = "abcdefghijklmnopqrstuvwxy-7" }

  assert {
    condition     = length(aws_s3_bucket.backups.bucket) == 63
    error_message = "the name has ${length(aws_s3_bucket.backups.bucket)} characters"
  }
}

run "a_suffix_that_merely_ends_in_an_is_accepted" {
  command = plan
  variables { bucket_suffix = "susan" }

  assert {
    condition     = aws_s3_bucket.backups.bucket == "quickdata-pg-backups-storage-bucket-susan"
    error_message = "bucket is named ${aws_s3_bucket.backups.bucket}"
  }
}

run "a_suffix_that_names_the_bucket_of_another_ones_states_is_refused" {
  command = plan
  variables { bucket_suffix = "Team-TfState" }
  expect_failures = [var.bucket_suffix]
}

run "another_base_name_begins_the_buckets_name_and_gives_the_suffix_its_room" {
  command = plan
  variables {
    s3_bucket_base_name = "team-backups"
    bucket_suffix       = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvw7"
  }

  assert {
    condition     = aws_s3_bucket.backups.bucket == "team-backups-${var.bucket_suffix}" && length(aws_s3_bucket.backups.bucket) == 63
    error_message = "bucket is named ${aws_s3_bucket.backups.bucket}"
  }
}

run "one_character_more_than_63_is_refused" {
  command = plan
  variables {
    s3_bucket_base_name = "team-backups"
    bucket_suffix       = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwx7"
  }
  expect_failures = [var.bucket_suffix]
}
