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
  values = { outputs = {} }
}

variables {
  bucket_suffix  = "PPR"
  ssh_public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 quickdata"
  workers        = 1
}

run "an_emptied_storage_state_stops_the_app" {
  command         = plan
  expect_failures = [data.terraform_remote_state.s3]
}
