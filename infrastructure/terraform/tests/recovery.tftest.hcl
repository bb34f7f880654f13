mock_provider "aws" {
  mock_data "aws_ec2_instance_type" {
    defaults = { memory_size = 4096, ebs_nvme_support = "required", supported_architectures = ["x86_64"] }
  }
  mock_data "aws_ami_ids" {
    defaults = { ids = ["ami-newest", "ami-older"] }
  }
  mock_data "aws_ec2_instance_type_offerings" {
    defaults = { instance_types = ["t3.small", "t3.medium"], locations = ["eu-west-3a", "eu-west-3a"] }
  }
}

override_data {
  target = data.terraform_remote_state.s3
  values = {
    outputs = {
      s3_bucket_name = "quickdata-pg-backups-storage-bucket-ppr"
      s3_bucket_arn  = "arn:aws:s3:::quickdata-pg-backups-storage-bucket-ppr"
      region         = "eu-west-3"
    }
  }
}

override_resource {
  target = aws_iam_role.database
  values = { arn = "arn:aws:iam::123456789012:role/quickdata-ppr-database" }
}

override_resource {
  target = aws_iam_role.recovery
  values = { arn = "arn:aws:iam::123456789012:role/quickdata-ppr-recovery" }
}

variables {
  bucket_suffix  = "PPR"
  ssh_public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 quickdata"
}

run "the_container_lists_only_below_the_repository" {
  assert {
    condition = [
      for s in jsondecode(aws_iam_role_policy.recovery.policy).Statement : [s.Effect, s.Resource, s.Condition]
      if s.Action == "s3:ListBucket"
      ] == [[
        "Allow",
        "arn:aws:s3:::quickdata-pg-backups-storage-bucket-ppr",
        { StringLike = { "s3:prefix" = "postgres/pgbackrest/*" } },
    ]]
    error_message = "ListBucket is granted wider than the prefix postgres/pgbackrest/"
  }
}

run "the_container_keeps_objects_only_below_the_repository" {
  assert {
    condition = [
      for s in jsondecode(aws_iam_role_policy.recovery.policy).Statement : s.Resource
      if s.Action != "s3:ListBucket"
    ] == ["arn:aws:s3:::quickdata-pg-backups-storage-bucket-ppr/postgres/pgbackrest/*"]
    error_message = "objects outside postgres/pgbackrest/ can be reached"
  }
}

run "the_container_may_do_nothing_else" {
  assert {
    condition = toset(flatten(jsondecode(aws_iam_role_policy.recovery.policy).Statement[*].Action)) == toset([
      "s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload",
    ])
    error_message = "the policy's actions are not the five that pgBackRest needs"
  }
}

run "only_the_database_node_takes_the_recovery_role" {
  assert {
    condition = jsondecode(aws_iam_role.recovery.assume_role_policy).Statement == [{
      Effect    = "Allow"
      Principal = { AWS = "arn:aws:iam::123456789012:role/quickdata-ppr-database" }
      Action    = "sts:AssumeRole"
    }]
    error_message = "somebody else may assume the recovery role"
  }
}

run "the_database_node_takes_no_other_role" {
  assert {
    condition = [
      for s in jsondecode(aws_iam_role_policy.take_recovery.policy).Statement : [s.Effect, s.Action, s.Resource]
    ] == [["Allow", "sts:AssumeRole", "arn:aws:iam::123456789012:role/quickdata-ppr-recovery"]]
    error_message = "the database node may assume more than the recovery role"
  }

  assert {
    condition     = aws_iam_role_policy.take_recovery.role == aws_iam_role.database.id
    error_message = "another role got the right to take the recovery role"
  }

  assert {
    condition     = output.recovery_role_arn == "arn:aws:iam::123456789012:role/quickdata-ppr-recovery"
    error_message = "the output is not the recovery role"
  }
}
