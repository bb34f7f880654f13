mock_provider "aws" {
  mock_data "aws_ec2_instance_type" {
    defaults = { memory_size = 4096, ebs_nvme_support = "required", supported_architectures = ["x86_64"] }
  }
  mock_data "aws_ami_ids" {
    defaults = { ids = ["ami-newest", "ami-older"] }
  }
  mock_data "aws_ec2_instance_type_offerings" {
    defaults = {
      instance_types = ["t3.small", "t3.medium", "t3.small", "t3.medium"]
      locations      = ["eu-west-1a", "eu-west-1a", "eu-west-3a", "eu-west-3a"]
    }
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

run "the_outputs_are_what_the_inventory_is_made_of" {
  assert {
    condition = { for name, node in output.nodes : name => node.role } == {
      manager = "manager", database = "database", worker-1 = "worker"
    }
    error_message = "a node's role is wrong"
  }

  assert {
    condition = alltrue([
      for name, node in output.nodes :
      node.public_ip == aws_instance.node[name].public_ip &&
      node.private_ip == aws_instance.node[name].private_ip &&
      node.instance_id == aws_instance.node[name].id
    ])
    error_message = "a node's addresses or id are another's"
  }

  assert {
    condition     = [output.backup_bucket, output.region, output.ssh_user] == ["quickdata-pg-backups-storage-bucket-ppr", "eu-west-3", "admin"]
    error_message = "bucket, region or SSH user are not passed on"
  }
}

run "the_storage_of_another_suffix_stops_the_app" {
  command = plan
  variables { bucket_suffix = "other" }
  expect_failures = [data.terraform_remote_state.s3]
}

run "a_suffix_that_ends_like_the_storages_stops_the_app_too" {
  command = plan
  variables { bucket_suffix = "pr" }
  expect_failures = [data.terraform_remote_state.s3]
}

run "a_bucket_in_another_region_stops_the_app" {
  command = plan
  variables { region = "eu-west-1" }
  expect_failures = [data.terraform_remote_state.s3]
}
