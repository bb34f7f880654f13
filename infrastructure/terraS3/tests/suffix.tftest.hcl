mock_provider "aws" {}

run "a_suffix_of_27_characters_fills_the_63_that_s3_allows" {
  command = plan
  variables { bucket_suffix = "abcdefghijklmnopqrstuvwxy-7" }

  assert {
    condition     = length(aws_s3_bucket.backups.bucket) == 63
    error_message = "the name has ${length(aws_s3_bucket.backups.bucket)} characters"
  }
}

run "a_longer_suffix_is_refused" {
  command = plan
  variables { bucket_suffix = "abcdefghijklmnopqrstuvwxy-78" }
  expect_failures = [var.bucket_suffix]
}

run "an_empty_suffix_is_refused" {
  command = plan
  variables { bucket_suffix = "" }
  expect_failures = [var.bucket_suffix]
}

run "an_underscore_is_refused" {
  command = plan
  variables { bucket_suffix = "team_7" }
  expect_failures = [var.bucket_suffix]
}

run "a_dot_is_refused_because_tls_would_not_match_the_name" {
  command = plan
  variables { bucket_suffix = "team.7" }
  expect_failures = [var.bucket_suffix]
}

run "a_letter_outside_ascii_is_refused" {
  command = plan
  variables { bucket_suffix = "zoé" }
  expect_failures = [var.bucket_suffix]
}

run "a_leading_hyphen_is_refused" {
  command = plan
  variables { bucket_suffix = "-ppr" }
  expect_failures = [var.bucket_suffix]
}

run "a_trailing_hyphen_is_refused" {
  command = plan
  variables { bucket_suffix = "ppr-" }
  expect_failures = [var.bucket_suffix]
}

run "a_second_line_is_refused" {
  command = plan
  variables { bucket_suffix = "ppr\nx" }
  expect_failures = [var.bucket_suffix]
}

run "an_ending_that_s3_reserves_is_refused" {
  command = plan
  variables { bucket_suffix = "An" }
  expect_failures = [var.bucket_suffix]
}

run "a_reserved_ending_inside_the_suffix_is_refused" {
  command = plan
  variables { bucket_suffix = "team--x-s3" }
  expect_failures = [var.bucket_suffix]
}

run "a_suffix_that_merely_ends_in_an_is_accepted" {
  command = plan
  variables { bucket_suffix = "susan" }

  assert {
    condition     = aws_s3_bucket.backups.bucket == "quickdata-pg-backups-storage-bucket-susan"
    error_message = "bucket is named ${aws_s3_bucket.backups.bucket}"
  }
}
