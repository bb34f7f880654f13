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
  target = aws_ebs_volume.postgres
  values = { id = "vol-postgres" }
}

variables {
  bucket_suffix  = "PPR"
  ssh_public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 quickdata"
  workers        = 1
}

run "a_manager_a_database_and_the_asked_for_workers_are_made" {
  command = plan
  variables { workers = 2 }

  assert {
    condition     = keys(aws_instance.node) == ["database", "manager", "worker-1", "worker-2"]
    error_message = "nodes are ${join(", ", keys(aws_instance.node))}"
  }
}

run "credentials_of_a_node_need_imdsv2_and_stay_out_of_containers" {
  command = plan

  assert {
    condition = alltrue([
      for node in aws_instance.node :
      node.metadata_options[0].http_tokens == "required" && node.metadata_options[0].http_put_response_hop_limit == 1
    ])
    error_message = "a node answers IMDSv1, or containers"
  }
}

run "every_disk_is_encrypted" {
  command = plan

  assert {
    condition     = alltrue([for node in aws_instance.node : node.root_block_device[0].encrypted])
    error_message = "a node's own disk is not encrypted"
  }

  assert {
    condition     = aws_ebs_volume.postgres.encrypted
    error_message = "the disk with PostgreSQL's data is not encrypted"
  }
}

run "a_disk_that_is_destroyed_by_hand_leaves_a_snapshot" {
  command = plan

  assert {
    condition     = aws_ebs_volume.postgres.final_snapshot
    error_message = "a destroy without a backup would take the data with it"
  }
}

run "every_name_carries_the_suffix" {
  command = plan

  assert {
    condition = alltrue([
      for name in concat(
        [for node in aws_instance.node : node.tags.Name],
        [for node in aws_instance.node : node.root_block_device[0].tags.Name],
        [aws_vpc.main, aws_subnet.public, aws_internet_gateway.main, aws_route_table.public, aws_ebs_volume.postgres, aws_default_security_group.main][*].tags.Name,
        [aws_security_group.node.name, aws_security_group.web.name, aws_key_pair.admin.key_name],
        [aws_iam_role.database.name, aws_iam_role_policy.backups.name, aws_iam_instance_profile.database.name],
        [aws_iam_role.recovery.name, aws_iam_role_policy.recovery.name, aws_iam_role_policy.take_recovery.name],
      ) : startswith("${name}-", "quickdata-ppr-")
    ])
    error_message = "two users could not deploy side by side in one account"
  }
}

run "postgresqls_data_is_on_a_disk_of_its_own_at_the_database_node" {
  assert {
    condition = (
      aws_volume_attachment.postgres.volume_id == "vol-postgres" &&
      aws_volume_attachment.postgres.instance_id == aws_instance.node["database"].id
    )
    error_message = "the data disk is not at the database node"
  }

  assert {
    condition     = output.data_device_volume_id == "vol-postgres"
    error_message = "the output names another disk"
  }
}
