locals {
  suffix         = lower(var.bucket_suffix)
  s3_bucket_name = "${var.s3_bucket_base_name}-${local.suffix}"
  s3_bucket_arn  = "arn:${data.aws_partition.current.partition}:s3:::${local.s3_bucket_name}"
}

data "aws_partition" "current" {}
