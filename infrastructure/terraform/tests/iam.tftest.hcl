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

variables {
  bucket_suffix  = "PPR"
  ssh_public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 quickdata"
  workers        = 1
}

run "the_database_node_lists_only_below_postgres" {
  command = plan

  assert {
    condition = [
      for s in jsondecode(aws_iam_role_policy.backups.policy).Statement : [s.Effect, s.Resource, s.Condition]
      if s.Action == "s3:ListBucket"
      ] == [[
        "Allow",
        "arn:aws:s3:::quickdata-pg-backups-storage-bucket-ppr",
        { StringLike = { "s3:prefix" = "postgres/*" } },
    ]]
    error_message = "ListBucket is granted wider than the prefix postgres/"
  }
}

run "the_database_node_keeps_objects_only_below_postgres" {
  command = plan

  assert {
    condition = [
      for s in jsondecode(aws_iam_role_policy.backups.policy).Statement : s.Resource
      if s.Action != "s3:ListBucket"
    ] == ["arn:aws:s3:::quickdata-pg-backups-storage-bucket-ppr/postgres/*"]
    error_message = "objects outside postgres/ can be reached"
  }
}

run "the_database_node_may_do_nothing_else" {
  command = plan

  assert {
    condition = toset(flatten(jsondecode(aws_iam_role_policy.backups.policy).Statement[*].Action)) == toset([
      "s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload",
    ])
    error_message = "the policy's actions are not the five that a backup needs"
  }
}

run "only_machines_of_ec2_may_take_the_role" {
  command = plan

  assert {
    condition     = jsondecode(aws_iam_role.database.assume_role_policy).Statement[*].Principal == [{ Service = "ec2.amazonaws.com" }]
    error_message = "somebody else may assume the role"
  }
}

run "only_the_database_node_has_the_role" {
  assert {
    condition = [
      for name, node in aws_instance.node : name if node.iam_instance_profile == aws_iam_instance_profile.database.name
    ] == ["database"]
    error_message = "the instance profile is not on the database node alone"
  }

  assert {
    condition     = aws_iam_instance_profile.database.role == aws_iam_role.database.name
    error_message = "the profile carries another role"
  }
}
