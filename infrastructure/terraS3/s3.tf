# Every resource has its own prevent_destroy. Otherwise `destroy -target` could remove the bucket's protection alone.
resource "aws_s3_bucket" "backups" {
  #checkov:skip=CKV_AWS_18:Access logs need a second bucket. Use CloudTrail if you need them.
  #checkov:skip=CKV_AWS_144:A copy in another region is a second bucket and paid for twice. The drill proves what is here.
  #checkov:skip=CKV_AWS_145:S3's own key encrypts it. A key of our own costs money, and who loses it loses the backups.
  #checkov:skip=CKV2_AWS_62:Nothing listens to events. The watch on the age of backups alerts, and status asks the bucket.
  bucket        = local.s3_bucket_name
  force_destroy = false

  lifecycle {
    prevent_destroy = true

    postcondition {
      # In version 6 of the provider, `region` is the region that was asked for.
      condition     = lookup(self, "bucket_region", self.region) == var.region
      error_message = "The bucket is in ${lookup(self, "bucket_region", self.region)}, and the region asked for is ${var.region}: set TF_VAR_region to the bucket's."
    }
  }
}

resource "aws_s3_bucket_public_access_block" "backups" {
  bucket                  = aws_s3_bucket.backups.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true

  lifecycle { prevent_destroy = true }
}

resource "aws_s3_bucket_ownership_controls" "backups" {
  bucket = aws_s3_bucket.backups.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }

  lifecycle { prevent_destroy = true }
}

resource "aws_s3_bucket_versioning" "backups" {
  bucket = aws_s3_bucket.backups.id

  versioning_configuration {
    status = "Enabled"
  }

  lifecycle { prevent_destroy = true }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "backups" {
  bucket = aws_s3_bucket.backups.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }

  lifecycle { prevent_destroy = true }
}

resource "aws_s3_bucket_policy" "backups" {
  bucket = aws_s3_bucket.backups.id
  # S3 refuses two changes of a bucket's access settings at once.
  depends_on = [aws_s3_bucket_public_access_block.backups]

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [for sid, condition in {
      DenyInsecureTransport = { Bool = { "aws:SecureTransport" = "false" } }
      DenyOldTls            = { NumericLessThan = { "s3:TlsVersion" = "1.2" } }
      } : {
      Sid       = sid
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = [local.s3_bucket_arn, "${local.s3_bucket_arn}/*"]
      Condition = condition
    }]
  })

  lifecycle { prevent_destroy = true }
}

# Removes unfinished uploads, old versions and their markers. The program on the
# database node decides which backups are kept: a current object never expires.
resource "aws_s3_bucket_lifecycle_configuration" "backups" {
  bucket     = aws_s3_bucket.backups.id
  depends_on = [aws_s3_bucket_versioning.backups]

  rule {
    id     = "abort-unfinished-uploads"
    status = "Enabled"
    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  rule {
    id     = "forget-old-versions"
    status = "Enabled"
    filter {}

    noncurrent_version_expiration {
      noncurrent_days = 30
    }

    expiration {
      expired_object_delete_marker = true
    }
  }

  lifecycle { prevent_destroy = true }
}
