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

run "without_a_domain_no_address_is_reserved" {
  command = plan

  assert {
    condition     = length(aws_eip.manager) == 0
    error_message = "an elastic address is paid for and not needed"
  }
}

run "with_a_domain_the_manager_keeps_its_address_over_a_stop" {
  variables { domain = "nocodb.example.org" }

  assert {
    condition     = aws_eip.manager[0].instance == aws_instance.node["manager"].id
    error_message = "the elastic address is not the manager's"
  }

  assert {
    condition     = output.nodes["manager"].public_ip == aws_eip.manager[0].public_ip
    error_message = "the inventory would hold an address that the manager has no more"
  }

  assert {
    condition     = output.nodes["database"].public_ip == aws_instance.node["database"].public_ip
    error_message = "the inventory would reach the manager as the database"
  }
}
