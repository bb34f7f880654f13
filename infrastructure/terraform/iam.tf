# The database node may keep its backups below postgres/, and nothing else. It
# cannot delete versions: an object that it deletes can be brought back.
resource "aws_iam_role" "database" {
  name = "${local.name}-database"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ec2.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "backups" {
  name = "${local.name}-backups"
  role = aws_iam_role.database.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "ListBackups"
        Effect    = "Allow"
        Action    = "s3:ListBucket"
        Resource  = local.s3_bucket_arn
        Condition = { StringLike = { "s3:prefix" = "postgres/*" } }
      },
      {
        Sid      = "KeepBackups"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
        Resource = "${local.s3_bucket_arn}/postgres/*"
      },
    ]
  })
}

resource "aws_iam_instance_profile" "database" {
  name = "${local.name}-database"
  role = aws_iam_role.database.name
}
