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
}

run "only_the_databases_type_needs_4096_mib" {
  command = plan

  assert {
    condition     = local.memory_mib == { "t3.small" = 2048, "t3.medium" = 4096 }
    error_message = "the nodes need ${jsonencode(local.memory_mib)} MiB"
  }
}

run "a_node_with_less_than_2048_mib_is_refused" {
  command = plan

  override_data {
    target = data.aws_ec2_instance_type.node
    values = { memory_size = 2047, ebs_nvme_support = "required", supported_architectures = ["x86_64"] }
  }

  expect_failures = [data.aws_ec2_instance_type.node]
}

run "a_database_with_less_than_4096_mib_is_refused" {
  command = plan

  override_data {
    target = data.aws_ec2_instance_type.node
    values = { memory_size = 4095, ebs_nvme_support = "required", supported_architectures = ["x86_64"] }
  }

  expect_failures = [data.aws_ec2_instance_type.node]
}

run "a_type_that_manager_and_database_share_needs_the_databases_memory" {
  command = plan
  variables { instance_types = { database = "t3.small" } }

  override_data {
    target = data.aws_ec2_instance_type.node
    values = { memory_size = 2048, ebs_nvme_support = "required", supported_architectures = ["x86_64"] }
  }

  expect_failures = [data.aws_ec2_instance_type.node]
}

run "a_database_whose_disk_gets_no_nvme_name_is_refused" {
  command = plan

  # As AWS describes i3: its own disks are NVMe devices, and EBS volumes are not.
  override_data {
    target = data.aws_ec2_instance_type.node
    values = { memory_size = 4096, ebs_nvme_support = "supported", supported_architectures = ["x86_64"] }
  }

  expect_failures = [data.aws_ec2_instance_type.node]
}

run "a_node_that_cannot_run_the_looked_up_image_is_refused" {
  command = plan

  override_data {
    target = data.aws_ec2_instance_type.node
    values = { memory_size = 4096, ebs_nvme_support = "required", supported_architectures = ["arm64"] }
  }

  expect_failures = [data.aws_ec2_instance_type.node]
}
