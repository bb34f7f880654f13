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

run "everybody_is_denied_plain_http" {
  command = plan

  assert {
    condition = one([
      for s in jsondecode(aws_s3_bucket_policy.backups.policy).Statement : s
      if try(s.Condition.Bool["aws:SecureTransport"], "") == "false"
    ].*.Effect) == "Deny"
    error_message = "no statement denies insecure transport"
  }
}

run "everybody_is_denied_tls_below_1_2" {
  command = plan

  assert {
    condition = one([
      for s in jsondecode(aws_s3_bucket_policy.backups.policy).Statement : s
      if try(s.Condition.NumericLessThan["s3:TlsVersion"], "") == "1.2"
    ].*.Effect) == "Deny"
    error_message = "no statement denies TLS below 1.2"
  }
}

run "the_policy_only_denies_and_covers_bucket_and_objects" {
  command = plan

  assert {
    condition = alltrue([
      for s in jsondecode(aws_s3_bucket_policy.backups.policy).Statement :
      s.Effect == "Deny" && s.Principal == "*" && s.Action == "s3:*" && toset(s.Resource) == toset([
        "arn:aws:s3:::quickdata-pg-backups-storage-bucket-ppr",
        "arn:aws:s3:::quickdata-pg-backups-storage-bucket-ppr/*",
      ])
    ])
    error_message = "a statement grants something, or leaves a resource, action or principal out"
  }
}
