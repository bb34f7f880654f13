# The database's container keeps the physical backups and their WAL below postgres/pgbackrest/,
# and reaches nothing else. The database node takes this role on a timer, and gives the container
# the temporary keys. Nobody can delete versions: an object that was deleted can be brought back.
resource "aws_iam_role" "recovery" {
  name = "${local.name}-recovery"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = aws_iam_role.database.arn }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "recovery" {
  name = "${local.name}-recovery"
  role = aws_iam_role.recovery.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "ListRepository"
        Effect    = "Allow"
        Action    = "s3:ListBucket"
        Resource  = local.s3_bucket_arn
        Condition = { StringLike = { "s3:prefix" = "postgres/pgbackrest/*" } }
      },
      {
        Sid      = "KeepRepository"
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
        Resource = "${local.s3_bucket_arn}/postgres/pgbackrest/*"
      },
    ]
  })
}

resource "aws_iam_role_policy" "take_recovery" {
  name = "${local.name}-take-recovery"
  role = aws_iam_role.database.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "TakeRecoveryRole"
      Effect   = "Allow"
      Action   = "sts:AssumeRole"
      Resource = aws_iam_role.recovery.arn
    }]
  })
}
