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

run "debians_own_newest_image_of_release_13_is_taken" {
  command = plan

  assert {
    condition     = data.aws_ami_ids.debian[0].owners == tolist(["136693071363"])
    error_message = "the image comes from somebody else"
  }

  assert {
    condition     = one(data.aws_ami_ids.debian[0].filter).values == toset(["debian-13-amd64-*"])
    error_message = "the image is of another release"
  }

  assert {
    condition     = alltrue([for node in aws_instance.node : node.ami == "ami-newest"])
    error_message = "a node gets an old image"
  }
}

run "another_release_can_be_chosen" {
  command = plan
  variables { debian_release = 12 }

  assert {
    condition     = one(data.aws_ami_ids.debian[0].filter).values == toset(["debian-12-amd64-*"])
    error_message = "debian_release was not taken"
  }
}

run "a_named_image_is_used_as_it_is" {
  command = plan
  variables { ami_id = "ami-0123456789abcdef0" }

  assert {
    condition     = length(data.aws_ami_ids.debian) == 0 && alltrue([for node in aws_instance.node : node.ami == "ami-0123456789abcdef0"])
    error_message = "ami_id was not taken"
  }
}

run "a_first_node_without_an_image_is_refused" {
  command = plan

  override_data {
    target = data.aws_ami_ids.debian
    values = { ids = [] }
  }

  expect_failures = [aws_instance.node]
}

run "nodes_are_made" {
}

# These go on from the nodes that the run above has made.
run "a_newer_image_replaces_no_node" {
  command = plan
  variables { ami_id = "ami-0123456789abcdef0" }

  assert {
    condition     = alltrue([for node in aws_instance.node : node.ami == "ami-newest"])
    error_message = "a new image would replace the nodes, and the data with them"
  }
}

run "nodes_that_exist_outlive_their_image" {
  command = plan

  override_data {
    target = data.aws_ami_ids.debian
    values = { ids = [] }
  }

  assert {
    condition     = alltrue([for node in aws_instance.node : node.ami == "ami-newest"])
    error_message = "an image that has vanished would replace the nodes"
  }
}

run "a_new_worker_without_an_image_is_refused" {
  command = plan
  variables { workers = 2 }

  override_data {
    target = data.aws_ami_ids.debian
    values = { ids = [] }
  }

  expect_failures = [aws_instance.node]
}
