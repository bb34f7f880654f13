locals {
  types = toset(values(local.nodes)[*].type)
  # The memory limits of the stack file's services on the database node sum to 2.5 GiB.
  memory_mib = { for type in local.types : type => type == var.instance_types.database ? 4096 : 2048 }
  zones_of = {
    for type in local.types : type => [
      for index, offered in data.aws_ec2_instance_type_offerings.zones.instance_types :
      data.aws_ec2_instance_type_offerings.zones.locations[index] if offered == type
    ]
  }
  # The zones where every node can run. A zone is the region and a letter; a Local Zone has a longer name.
  zones = [
    for zone in sort(setintersection(values(local.zones_of)...)) : zone
    if can(regex("^${var.region}[a-z]$", zone))
  ]
}

# tflint-ignore: terraform_unused_declarations # it is there for its postconditions
data "aws_ec2_instance_type" "node" {
  for_each = local.types

  instance_type = each.key

  lifecycle {
    postcondition {
      condition     = self.memory_size >= local.memory_mib[each.key]
      error_message = "${each.key} has ${self.memory_size} MiB of memory and the node needs ${local.memory_mib[each.key]}: choose a larger one in TF_VAR_instance_types, such as t3.small for a manager or t3.medium for the database."
    }
    postcondition {
      condition     = each.key != var.instance_types.database || self.ebs_nvme_support == "required"
      error_message = "${each.key} does not give disks the NVMe names by which the database's disk is found: choose another type for the database in TF_VAR_instance_types, such as t3.medium."
    }
    postcondition {
      condition     = var.ami_id != null || contains(self.supported_architectures, "x86_64")
      error_message = "${each.key} cannot run Debian for amd64: choose another in TF_VAR_instance_types, such as t3.small, or name an image in TF_VAR_ami_id."
    }
  }
}

# Not every zone has every type: us-east-1e has no t3. Each type is listed once for each of its zones.
data "aws_ec2_instance_type_offerings" "zones" {
  location_type = "availability-zone"

  filter {
    name   = "instance-type"
    values = local.types
  }
}
