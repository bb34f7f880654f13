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

# As storage's outputs were called before.
override_data {
  target = data.terraform_remote_state.s3
  values = {
    outputs = {
      bucket_name = "team-backups-ppr"
      bucket_arn  = "arn:aws:s3:::team-backups-ppr"
      region      = "eu-west-3"
    }
  }
}

variables {
  s3_bucket_base_name = "team-backups"
  bucket_suffix       = "PPR"
  ssh_public_key      = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 quickdata"
  workers             = 1
}

run "a_storage_state_is_read_under_its_older_names" {
  command = plan

  assert {
    condition     = output.backup_bucket == "team-backups-ppr"
    error_message = "the bucket is ${output.backup_bucket}"
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.backups.policy).Statement[0].Resource == "arn:aws:s3:::team-backups-ppr"
    error_message = "the node's policy names another bucket"
  }
}

run "the_storage_of_another_base_name_stops_the_app" {
  command = plan
  variables { s3_bucket_base_name = "backups" }
  expect_failures = [data.terraform_remote_state.s3]
}
