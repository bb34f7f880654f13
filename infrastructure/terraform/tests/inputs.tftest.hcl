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

run "a_suffix_that_storage_would_refuse_is_refused" {
  command = plan
  variables { bucket_suffix = "team_7" }
  expect_failures = [var.bucket_suffix]
}

run "a_malformed_region_is_refused" {
  command = plan
  variables { region = "Paris" }
  expect_failures = [var.region]
}

run "the_whole_world_is_refused_as_administrator" {
  command = plan
  variables { admin_cidr = "0.0.0.0/0" }
  expect_failures = [var.admin_cidr]
}

run "half_the_world_is_refused_as_administrator" {
  command = plan
  variables { admin_cidr = "128.0.0.0/1" }
  expect_failures = [var.admin_cidr]
}

run "an_address_without_a_range_is_refused" {
  command = plan
  variables { admin_cidr = "203.0.113.7" }
  expect_failures = [var.admin_cidr]
}

run "an_ipv6_range_is_refused" {
  command = plan
  variables { admin_cidr = "2001:db8::/32" }
  expect_failures = [var.admin_cidr]
}

run "a_private_key_is_refused" {
  command = plan
  variables { ssh_public_key = "-----BEGIN OPENSSH PRIVATE KEY-----" }
  expect_failures = [var.ssh_public_key]
}

run "a_kind_of_key_that_ec2_does_not_know_is_refused" {
  command = plan
  variables { ssh_public_key = "ecdsa-sha2-nistp256 AAAAE2VjZHNh quickdata" }
  expect_failures = [var.ssh_public_key]
}

run "a_url_is_refused_as_domain" {
  command = plan
  variables { domain = "https://nocodb.example.org" }
  expect_failures = [var.domain]
}

run "a_negative_number_of_workers_is_refused" {
  command = plan
  variables { workers = -1 }
  expect_failures = [var.workers]
}

run "half_a_worker_is_refused" {
  command = plan
  variables { workers = 1.5 }
  expect_failures = [var.workers]
}

run "a_release_of_debian_before_12_is_refused" {
  command = plan
  variables { debian_release = 11 }
  expect_failures = [var.debian_release]
}

run "half_a_release_of_debian_is_refused" {
  command = plan
  variables { debian_release = 12.5 }
  expect_failures = [var.debian_release]
}
