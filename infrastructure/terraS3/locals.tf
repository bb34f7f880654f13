locals {
  suffix      = lower(var.bucket_suffix)
  bucket_name = "quickdata-pg-backups-storage-bucket-${local.suffix}"
  bucket_arn  = "arn:${data.aws_partition.current.partition}:s3:::${local.bucket_name}"
}

data "aws_partition" "current" {}
