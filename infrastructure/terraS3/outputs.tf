# All outputs come from the bucket: the app cannot start before it exists.
output "s3_bucket_name" {
  description = "Name of the bucket that holds the backups."
  value       = aws_s3_bucket.backups.id
}

output "s3_bucket_arn" {
  description = "ARN of the bucket, for the database node's policy."
  value       = aws_s3_bucket.backups.arn
}

output "region" {
  description = "Region of the bucket."
  value       = lookup(aws_s3_bucket.backups, "bucket_region", aws_s3_bucket.backups.region)
}
