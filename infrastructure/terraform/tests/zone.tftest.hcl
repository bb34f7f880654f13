mock_provider "aws" {
  mock_data "aws_ec2_instance_type" {
    defaults = { memory_size = 4096, ebs_nvme_support = "required", supported_architectures = ["x86_64"] }
  }
  mock_data "aws_ec2_instance_type_offerings" {
    defaults = {
      instance_types = ["t3.small", "t3.small", "t3.small", "t3.small", "t3.medium", "t3.medium", "t3.medium", "t3.medium", "t9.small"]
      locations = [
        "us-east-1-bos-1a", "us-east-1b", "us-east-1f", "us-east-1d",
        "us-east-1-bos-1a", "us-east-1f", "us-east-1d", "us-east-1a",
        "us-east-1b",
      ]
    }
  }
  mock_data "aws_ami_ids" {
    defaults = { ids = ["ami-newest", "ami-older"] }
  }
}

override_data {
  target = data.terraform_remote_state.s3
  values = {
    outputs = {
      s3_bucket_name = "quickdata-pg-backups-storage-bucket-ppr"
      s3_bucket_arn  = "arn:aws:s3:::quickdata-pg-backups-storage-bucket-ppr"
      region         = "us-east-1"
    }
  }
}

variables {
  region         = "us-east-1"
  bucket_suffix  = "PPR"
  ssh_public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 quickdata"
}

run "the_types_of_all_nodes_are_on_offer_in_the_zone" {
  assert {
    condition     = aws_subnet.public.availability_zone == "us-east-1d"
    error_message = "the zone is ${aws_subnet.public.availability_zone}"
  }
}

# Goes on from the subnet that the run above has made.
run "a_zone_that_is_offered_later_moves_no_subnet" {
  command = plan

  override_data {
    target = data.aws_ec2_instance_type_offerings.zones
    values = {
      instance_types = ["t3.small", "t3.medium", "t3.small", "t3.medium"]
      locations      = ["us-east-1a", "us-east-1a", "us-east-1d", "us-east-1d"]
    }
  }

  assert {
    condition     = aws_subnet.public.availability_zone == "us-east-1d"
    error_message = "the subnet, its nodes and the database's disk would be replaced"
  }
}

run "a_type_that_the_zone_of_the_nodes_lacks_is_refused" {
  command = plan

  override_data {
    target = data.aws_ec2_instance_type_offerings.zones
    values = {
      instance_types = ["t3.small", "t3.medium", "t3.medium"]
      locations      = ["us-east-1a", "us-east-1a", "us-east-1d"]
    }
  }

  expect_failures = [aws_instance.node]
}

run "types_without_a_common_zone_are_refused" {
  command = plan
  variables { instance_types = { manager = "t9.small" } }
  expect_failures = [aws_subnet.public]
}

run "each_zones_offers_of_the_nodes_types_are_asked_for" {
  command = plan

  assert {
    condition     = data.aws_ec2_instance_type_offerings.zones.location_type == "availability-zone"
    error_message = "AWS would list the offers of the whole region"
  }

  assert {
    condition = {
      for filter in data.aws_ec2_instance_type_offerings.zones.filter : filter.name => filter.values
    } == { instance-type = toset(["t3.small", "t3.medium"]) }
    error_message = "the offers are not those of the nodes' types"
  }
}
